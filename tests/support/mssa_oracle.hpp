// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MSSA by plain loops.
#pragma once

#include <cmath>
#include <numeric>

#include "support/array.hpp"

namespace krate::testing {

/// Which keys a query sees.
struct OracleMask {
  bool causal = false;
  Array keys = Array({0, 0});  ///< [batch, tokens], 0 for padding; empty: none
  bool operator()(std::size_t b, std::size_t i, std::size_t j) const {
    return (!causal || j <= i) && (keys.size() == 0 || keys(b, j) != 0);
  }
};

/// Logits to probabilities, zeros where a query sees no key.
inline void oracle_softmax(std::vector<double>& logits, OracleMask const& mask, std::size_t b, std::size_t i) {
  double largest = -1e300, sum = 0;
  for (std::size_t j = 0; j < logits.size(); ++j)
    if (mask(b, i, j)) largest = std::max(largest, logits[j]);
  for (std::size_t j = 0; j < logits.size(); ++j)
    sum += (logits[j] = mask(b, i, j) ? std::exp(logits[j] - largest) : 0);
  for (auto& x : logits) x = sum > 0 ? x / sum : 0;
}

/// O_k = softmax(s W_k W_k^T) W_k for w [batch, tokens, heads * head_dim].
inline Array oracle_subspace_attention(Array const& w, std::size_t heads, OracleMask const& mask = {}) {
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2), p = columns / heads;
  Array out(w.shape);
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t k = 0; k < heads; ++k)
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> logits(n);
        for (std::size_t j = 0; j < n; ++j) {
          double s = 0;
          for (std::size_t c = 0; c < p; ++c) s += w(b, i, k * p + c) * w(b, j, k * p + c);
          logits[j] = s / std::sqrt(static_cast<double>(p));
        }
        oracle_softmax(logits, mask, b, i);
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t c = 0; c < p; ++c) out(b, i, k * p + c) += logits[j] * w(b, j, k * p + c);
      }
  return out;
}

/// dW of oracle_subspace_attention for the gradient `dout` of its result, query, key and value paths apart: with P the
/// probabilities, D = P (dO W^T - delta), dW = s D W + s D^T W + P^T dO.
inline Array oracle_subspace_attention_gradient(Array const& w, std::size_t heads, Array const& dout,
                                                OracleMask const& mask = {}) {
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2), p = columns / heads;
  double const scale = 1 / std::sqrt(static_cast<double>(p));
  Array dw(w.shape);
  std::vector<double> prob(n), dprob(n);
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t k = 0; k < heads; ++k) {
      auto const at = [&](std::size_t i) { return (b * n + i) * columns + k * p; };
      auto const product = [p](double const* x, double const* y) { return std::inner_product(x, x + p, y, 0.0); };
      for (std::size_t i = 0; i < n; ++i) {
        double const *wi = &w.data[at(i)], *di = &dout.data[at(i)];
        double delta = 0;
        for (std::size_t j = 0; j < n; ++j) prob[j] = scale * product(wi, &w.data[at(j)]);
        oracle_softmax(prob, mask, b, i);
        for (std::size_t j = 0; j < n; ++j) delta += prob[j] * (dprob[j] = product(di, &w.data[at(j)]));
        for (std::size_t j = 0; j < n; ++j) {
          double const d = scale * prob[j] * (dprob[j] - delta), *wj = &w.data[at(j)];
          double *dwi = &dw.data[at(i)], *dwj = &dw.data[at(j)];
          for (std::size_t c = 0; c < p; ++c) {
            dwi[c] += d * wj[c];
            dwj[c] += d * wi[c] + prob[j] * di[c];
          }
        }
      }
    }
  return dw;
}

/// x M^T for x [batch, tokens, a], M [b, a].
inline Array oracle_map(Array const& x, Array const& m) {
  Array y({x.extent(0), x.extent(1), m.extent(0)});
  for (std::size_t b = 0; b < x.extent(0); ++b)
    for (std::size_t t = 0; t < x.extent(1); ++t)
      for (std::size_t o = 0; o < m.extent(0); ++o)
        for (std::size_t i = 0; i < m.extent(1); ++i) y(b, t, o) += x(b, t, i) * m(o, i);
  return y;
}

/// The whole layer; an empty `output` means no output map.
inline Array oracle_mssa(Array const& x, Array const& projection, Array const& output, Array const& bias,
                         std::size_t heads, OracleMask const& mask = {}) {
  Array const attended = oracle_subspace_attention(oracle_map(x, projection), heads, mask);
  if (output.size() == 0) return attended;
  Array y = oracle_map(attended, output);
  for (std::size_t i = 0; i < y.size() && bias.size() > 0; ++i) y.data[i] += bias(i % bias.size());
  return y;
}

}  // namespace krate::testing
