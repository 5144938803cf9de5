// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics attention by plain loops.
#pragma once

#include <cmath>

#include "support/array.hpp"

namespace krate::testing {

/// o of w [batch, tokens, heads * head_dim]; `bias` [heads, positions] or empty, `membership` [batch, heads, tokens] is
/// written if given.
inline Array oracle_token_statistics(Array const& w, Array const& temperature, Array const& bias, bool causal,
                                     Array* membership = nullptr) {
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2), heads = temperature.size(),
                    p = columns / heads;
  Array out(w.shape), pi({batch, heads, n});
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t t = 0; t < n; ++t) {
      double sum = 0;
      for (std::size_t h = 0; h < heads; ++h) {
        double logit = 0;
        for (std::size_t j = h * p; j < (h + 1) * p; ++j) {
          double energy = 0;
          for (std::size_t r = 0; r < (causal ? t + 1 : n); ++r) energy += w(b, r, j) * w(b, r, j);
          logit += w(b, t, j) * w(b, t, j) / std::max(energy, causal ? 1e-12 : 1e-24);
          if (bias.size() > 0) logit += bias(h, t);
        }
        sum += pi(b, h, t) = std::exp(temperature(h) * logit);
      }
      for (std::size_t h = 0; h < heads; ++h) pi(b, h, t) /= sum;
    }
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t j = 0; j < columns; ++j) {
        double moment = 0, count = 1e-8;
        for (std::size_t r = 0; r < (causal ? t + 1 : n); ++r) {
          moment += pi(b, j / p, r) * w(b, r, j) * w(b, r, j);
          count += pi(b, j / p, r);
        }
        out(b, t, j) = -w(b, t, j) * pi(b, j / p, t) / (1 + moment / count);
      }
  if (membership) *membership = pi;
  return out;
}

}  // namespace krate::testing
