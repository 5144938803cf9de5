// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"

namespace krate::games::impl {

/// Host numbers into the memory of a space, which waits for them.
template <class Space, class T>
void upload(Space const& space, std::span<T const> from, Vector<T, Space> to) {
  if (from.empty()) return;
  Kokkos::View<T const*, Kokkos::HostSpace, krate::impl::Unmanaged> const host(from.data(), from.size());
  Kokkos::deep_copy(space, to, host);
  space.fence(KRATE_LABEL("krate::games: numbers are there"));
}
template <class Space, class T>
std::vector<T> download(Space const& space, Vector<T, Space> from) {
  std::vector<T> found(from.extent(0));
  Kokkos::View<T*, Kokkos::HostSpace, krate::impl::Unmanaged> const host(found.data(), found.size());
  Kokkos::deep_copy(space, host, from);
  space.fence(KRATE_LABEL("krate::games: numbers are read"));
  return found;
}

}  // namespace krate::games::impl
