// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/coding_rate_decl.hpp"
#include "rate/impl/float_rate.hpp"

namespace krate::impl {

template <class Space, class T>
void CodingRate<Space, T>::value(Space const& space, ConstStrided<T, Space> z, double alpha, Workspace<Space> work,
                                 Value<double, Space> rate, Route route) {
  gradient(space, z, alpha, work, rate, {}, route);
}

template <class Space, class T>
void CodingRate<Space, T>::gradient(Space const& space, ConstStrided<T, Space> z, double alpha, Workspace<Space> work,
                                    Value<double, Space> rate, Strided<T, Space> gradient, Route route) {
  if (z.size() == 0) return fill(space, rate, 0);
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::coding_rate"));
  if (z.extent(0) < z.extent(1)) {
    z = transposed(z);
    gradient = transposed(gradient);
  }
  RateScratch<Space> const scratch(work, z.extent(0), z.extent(1));
  if constexpr (std::is_same_v<T, float> && has_host_blas<Space>) {
    using Float = FloatRate<Space>;
    if (Float::suits(alpha, z, route) && Float::value(space, alpha, z, scratch, rate)) {
      if (!gradient.data()) return;
      if (operand(gradient).good) return Float::gradient(space, alpha, z, scratch.factor, work, gradient);
      return RateParts<Space, T>::multiply_inverse(space, alpha, z, scratch.factor, work, gradient, route);
    }
  }
  RateParts<Space, T>::add_moment(space, alpha, z, 0, scratch.moment, scratch.factor, route);
  RateParts<Space, T>::factorize(space, alpha, z, scratch.factor, scratch.vectors, scratch.status, rate, route);
  if (gradient.data()) RateParts<Space, T>::multiply_inverse(space, alpha, z, scratch.factor, work, gradient, route);
}

}  // namespace krate::impl
