// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/models/two_layer.hpp"
#include "support/array.hpp"

namespace krate::testing {

/// Straight from the definition. @param parameters  each layer's weight, then its bias
inline Array two_layer(models::TwoLayerConfig const& c, std::span<double const> parameters, Array const& x) {
  double const *const w1 = parameters.data(), *const b1 = w1 + c.hidden * c.in, *const w2 = b1 + c.hidden,
                      *const b2 = w2 + c.out * c.hidden;
  std::size_t const batch = x.size() / c.in;
  Array y({batch, c.out});
  std::vector<double> h(c.hidden);
  for (std::size_t n = 0; n < batch; ++n) {
    for (std::size_t i = 0; i < c.hidden; ++i) {
      h[i] = b1[i];
      for (std::size_t k = 0; k < c.in; ++k) h[i] += w1[i * c.in + k] * x.data[n * c.in + k];
      h[i] = std::max(0.0, h[i]);
    }
    double square = 0;
    for (std::size_t o = 0; o < c.out; ++o) {
      y(n, o) = b2[o];
      for (std::size_t i = 0; i < c.hidden; ++i) y(n, o) += w2[o * c.hidden + i] * h[i];
      square += y(n, o) * y(n, o);
    }
    for (std::size_t o = 0; c.sphere && o < c.out; ++o) y(n, o) /= std::sqrt(square);
  }
  return y;
}

}  // namespace krate::testing
