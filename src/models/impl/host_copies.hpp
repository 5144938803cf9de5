// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/core/types.hpp"

namespace krate::models {

/// Small results, read by the host; fences.
template <class T, class Space>
void copy_to_host(Space const& space, T const* from, std::span<T> to) {
  using Host = Kokkos::View<T*, Kokkos::LayoutRight, Kokkos::HostSpace, krate::impl::Unmanaged>;
  Kokkos::deep_copy(space, Host(to.data(), to.size()), ConstVector<T, Space>(from, to.size()));
  space.fence("krate::models::flatnet: the host reads");
}
template <class T, class Space>
std::vector<T> copy_to_host(Space const& space, Vector<T, Space> const& from) {
  std::vector<T> to(from.size());
  copy_to_host<T>(space, from.data(), std::span<T>(to));
  return to;
}

/// @note fences: yes, so that the host may overwrite `from`
template <class T, class Space>
void copy_to_device(Space const& space, std::span<T const> from, T* to) {
  using Host = Kokkos::View<T const*, Kokkos::LayoutRight, Kokkos::HostSpace, krate::impl::Unmanaged>;
  Kokkos::deep_copy(space, Vector<T, Space>(to, from.size()), Host(from.data(), from.size()));
  space.fence("krate::models::flatnet: the host's numbers are copied");
}

}  // namespace krate::models
