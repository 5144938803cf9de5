// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/array.hpp"

namespace krate::testing {

/// Relative difference between the five-point derivative of `loss` at x along `direction` and <gradient, direction>.
/// `loss(Array const&)` returns double.
template <class Loss>
double directional_error(Loss const& loss, Array const& x, Array const& gradient, Array const& direction,
                         double h = 1e-3) {
  auto const f = [&](double s) {
    Array y = x;
    for (std::size_t i = 0; i < y.size(); ++i) y.data[i] += s * direction.data[i];
    return loss(y);
  };
  double const numeric = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
  double const exact = dot(gradient, direction);
  double const e = std::abs(numeric - exact) / std::max({std::abs(numeric), std::abs(exact), 1e-8});
  return std::isfinite(e) ? e : std::numeric_limits<double>::infinity();  // NaN must fail
}

/// The worst over three random directions.
template <class Loss>
double gradient_error(Loss const& loss, Array const& x, Array const& gradient, double h = 1e-3) {
  double worst = 0;
  for (std::uint64_t t : {901, 902, 903})
    worst = std::max(worst, directional_error(loss, x, gradient, filled(t, x.shape), h));
  return worst;
}

}  // namespace krate::testing
