// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"

namespace krate::train {

/// The number in a rank-0 View, once the work on `space` is done. @note fences: yes
template <class Space, class V>
typename V::non_const_value_type read_host(Space const& space, V const& value) {
  typename V::non_const_value_type result{};
  if constexpr (krate::impl::is_device<Space>) {
    Kokkos::deep_copy(
        space, Kokkos::View<typename V::non_const_value_type, Kokkos::HostSpace, krate::impl::Unmanaged>(&result),
        value);
    space.fence(KRATE_LABEL("krate::train: a number is read"));
  } else {
    space.fence(KRATE_LABEL("krate::train: a number is read"));
    result = value();
  }
  return result;
}

}  // namespace krate::train
