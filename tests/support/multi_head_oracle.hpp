// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Multi-head attention by plain loops.
#pragma once

#include "support/mssa_oracle.hpp"

namespace krate::testing {

/// O_k = softmax(s Q_k K_k^T) V_k for qkv [batch, tokens, 3 * heads * head_dim].
inline Array oracle_multi_head_attention(Array const& qkv, std::size_t heads, OracleMask const& mask = {}) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1), inner = qkv.extent(2) / 3, p = inner / heads;
  Array out({batch, n, inner});
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t k = 0; k < heads; ++k)
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> logits(n);
        for (std::size_t j = 0; j < n; ++j) {
          double s = 0;
          for (std::size_t c = k * p; c < (k + 1) * p; ++c) s += qkv(b, i, c) * qkv(b, j, inner + c);
          logits[j] = s / std::sqrt(static_cast<double>(p));
        }
        oracle_softmax(logits, mask, b, i);
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t c = k * p; c < (k + 1) * p; ++c) out(b, i, c) += logits[j] * qkv(b, j, 2 * inner + c);
      }
  return out;
}

/// Its gradient, [batch, tokens, 3 * heads * head_dim].
inline Array oracle_multi_head_attention_gradient(Array const& qkv, std::size_t heads, Array const& dout,
                                                  OracleMask const& mask = {}) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1), inner = qkv.extent(2) / 3, p = inner / heads;
  double const scale = 1 / std::sqrt(static_cast<double>(p));
  Array d(qkv.shape);
  std::vector<double> prob(n), dprob(n);
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t k = 0; k < heads; ++k)
      for (std::size_t i = 0; i < n; ++i) {
        double delta = 0;
        for (std::size_t j = 0; j < n; ++j) {
          prob[j] = dprob[j] = 0;
          for (std::size_t c = k * p; c < (k + 1) * p; ++c) {
            prob[j] += scale * qkv(b, i, c) * qkv(b, j, inner + c);
            dprob[j] += dout(b, i, c) * qkv(b, j, 2 * inner + c);
          }
        }
        oracle_softmax(prob, mask, b, i);
        for (std::size_t j = 0; j < n; ++j) delta += prob[j] * dprob[j];
        for (std::size_t j = 0; j < n; ++j) {
          double const slope = scale * prob[j] * (dprob[j] - delta);
          for (std::size_t c = k * p; c < (k + 1) * p; ++c) {
            d(b, i, c) += slope * qkv(b, j, inner + c);
            d(b, j, inner + c) += slope * qkv(b, i, c);
            d(b, j, 2 * inner + c) += prob[j] * dout(b, i, c);
          }
        }
      }
  return d;
}

}  // namespace krate::testing
