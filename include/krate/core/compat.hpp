// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Differences between versions of Kokkos and between kinds of machine, in one place.
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace krate::impl {

/// True for spaces whose teams run in lock step on a device, so that work must be spread over a team's members.
template <class Space>
inline constexpr bool is_device = !Kokkos::SpaceAccessibility<Space, Kokkos::HostSpace>::accessible;

using Index = Kokkos::IndexType<std::int64_t>;

/// A bound that turns into the policy's index but not back: for numbers Kokkos 4.5 composes a message about their
/// conversion at each launch, on the heap, before it knows whether it is needed.
struct Bound {
  std::int64_t value;
  operator std::int64_t() const { return value; }
};

/// One work item an element.
template <class Space>
Kokkos::RangePolicy<Space, Index> elements(Space const& space, std::size_t count) {
  return Kokkos::RangePolicy<Space, Index>(space, Bound{0}, Bound{static_cast<std::int64_t>(count)});
}

/// One team a row: one thread on a host, a block of threads on a device.
template <class Space>
using RowTeams = Kokkos::TeamPolicy<Space, Index>;
template <class Space>
using RowMember = typename RowTeams<Space>::member_type;
template <class Space>
RowTeams<Space> rows(Space const& space, std::size_t count) {
  return RowTeams<Space>(space, static_cast<int>(count), is_device<Space> ? 128 : 1);
}

}  // namespace krate::impl
