// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <Kokkos_Core.hpp>

namespace krate::models {

/// What a flattening layer did to a point, from where the point is now: x >= 0 with (1 - k)^2 x = b for
/// k = alpha exp(-gamma (t + x)). Newton's steps within a bracket that halves where they leave it.
/// @param t,b  squared distances along the layer's plane and across it, b >= 0; 0 <= alpha < 1, gamma > 0
/// @return k
KOKKOS_INLINE_FUNCTION double kernel_before_layer(double alpha, double gamma, double t, double b) {
  double const most = alpha * Kokkos::exp(-gamma * t);
  double low = b, high = b / ((1 - most) * (1 - most)), x = b;
  for (int i = 0; i < 60; ++i) {
    double const k = alpha * Kokkos::exp(-gamma * (t + x)), rest = 1 - k;
    double const h = rest * rest * x - b;
    if (h > 0) {
      high = x;
    } else {
      low = x;
    }
    double const next = x - h / (rest * (rest + 2 * gamma * x * k));
    if (Kokkos::abs(next - x) <= 2e-16 * x) break;
    x = next > low && next < high ? next : low + (high - low) / 2;
  }
  return alpha * Kokkos::exp(-gamma * (t + x));
}

}  // namespace krate::models
