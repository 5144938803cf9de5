// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// h(u) = log(1 + u) - log(1 + q u) / q: twice the rate reduction of one direction of a class that holds 1 / q of the
// samples, u = alpha s for a squared singular value s. It is convex up to 1 / sqrt(q) and concave beyond.
#pragma once

#include <cmath>

namespace krate::analysis::impl {

inline double direction_gain(double u, double q) {
  return std::log1p(u) - std::log1p(q * u) / q;
}
inline double direction_slope(double u, double q) {
  return (q - 1) * u / ((1 + u) * (1 + q * u));
}

/// u* with h(u) = u h'(u), where the line through 0 touches h: the concave envelope of h is that line up to u* and h
/// beyond. q > 1.
inline double envelope_point(double q) {
  auto const above_tangent = [&](double u) { return direction_gain(u, q) - u * direction_slope(u, q); };
  double low = 1 / std::sqrt(q), high = 2 * low;
  while (above_tangent(high) < 0) high *= 2;
  for (int step = 0; step < 200 && high - low > 0; ++step) {
    double const middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (above_tangent(middle) < 0 ? low : high) = middle;
  }
  return high;
}

}  // namespace krate::analysis::impl
