// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/types.hpp"

namespace krate {

/// Waits for `space` and returns a rank-0 View's value on the host. `why` labels the fence, "krate::op: what is read".
/// @note allocates: no; fences: yes, once
template <class Space, class T>
T fetch(Space const& space, Value<T, Space> const& value, std::string const& why) {
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename Space::memory_space>::accessible) {
    space.fence(why);
    return value();
  } else {
    T found;
    Kokkos::deep_copy(space, Kokkos::View<T, Kokkos::HostSpace, impl::Unmanaged>(&found), value);
    space.fence(why);
    return found;
  }
}

}  // namespace krate
