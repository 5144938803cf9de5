// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One pass over a segment of parameters.
#pragma once

#include <string>

#include "krate/core/compat.hpp"
#include "krate/core/parameters.hpp"

namespace krate::impl {

/// Applies update(i, gradient_scale) to a stretch of elements: one on a device, enough for vector loops on a host.
template <class Space, class T, class Update>
struct SweepStretch {
  static constexpr std::int64_t width = is_device<Space> ? 1 : 1024;
  Update update;
  Value<T const, Space> gradient_scale;
  std::int64_t size;
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    // Local copies: stores through the Views cannot change them, and the loop stays in registers.
    Update const rule = update;
    T const scale = gradient_scale();
    std::int64_t const begin = item * width, end = begin + width < size ? begin + width : size;
    for (std::int64_t i = begin; i < end; ++i) rule(i, scale);
  }
};

template <class Space, class T, class Update>
void sweep(Space const& space, std::string const& label, std::size_t size, Value<T const, Space> gradient_scale,
           Update const& update) {
  using Stretch = SweepStretch<Space, T, Update>;
  std::size_t const items = (size + Stretch::width - 1) / Stretch::width;
  Kokkos::parallel_for(label, elements(space, items), Stretch{update, gradient_scale, static_cast<std::int64_t>(size)});
}

/// The stretch of a flat state that belongs to a segment.
template <class Segment, class T, class Device>
auto state_of(Segment const& segment, Kokkos::View<T*, Kokkos::LayoutRight, Device, Unmanaged> const& state) {
  return Kokkos::View<T*, Kokkos::LayoutRight, Device, Unmanaged>(state.data() + segment.offset,
                                                                  segment.value.extent(0));
}

}  // namespace krate::impl
