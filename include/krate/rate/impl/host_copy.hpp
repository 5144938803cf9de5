// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers on their way between a space and the host, where both may be the same memory.
#pragma once

#include <algorithm>
#include <string>

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

/// Waits for `space`. @param to  a container, as long as `from` or longer     @param why  labels the fence
template <class Space, class T, class To>
void copy_to_host(Space const& space, Vector<T, Space> const& from, To& to, std::string const& why) {
  using Host = Kokkos::View<std::remove_const_t<T>*, Kokkos::HostSpace, Unmanaged>;
  if constexpr (is_device<Space>) Kokkos::deep_copy(space, Host(to.data(), from.size()), from);
  space.fence(why);
  if constexpr (!is_device<Space>) std::copy_n(from.data(), from.size(), to.data());
}

/// The first numbers of a container, where nothing under way on `space` reads or writes `to`; a copy to a device may
/// read `from` until the next fence.
template <class Space, class From, class T>
void copy_to_device(Space const& space, From const& from, Vector<T, Space> const& to) {
  using Host = Kokkos::View<T const*, Kokkos::HostSpace, Unmanaged>;
  if constexpr (is_device<Space>) {
    Kokkos::deep_copy(space, to, Host(from.data(), to.size()));
  } else {
    std::copy_n(from.data(), to.size(), to.data());
  }
}

}  // namespace krate::impl
