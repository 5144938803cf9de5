// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal token statistics attention of one sample: every sum over tokens is one over those so far, so that one sweep
// makes the result. With s = w w and T tokens so far, sigma_t = max(sum s, 1e-12):
//
//     Pi_t = softmax over heads of temp_h sum_j (s_tj / sigma_tj + bias_ht),   P_t = sum Pi + 1e-8,   X_t = sum Pi s
//     o_t  = -w_t Pi_t g_t,   g_t = 1 / (1 + X_t / P_t)
//
// Host code only.
#pragma once

#include "attention/impl/token_block.hpp"
#include "attention/impl/tssa_constants.hpp"

namespace krate::impl {

template <class T>
struct CausalTssaForward {
  using V = simd::Vec<T>;
  static constexpr int lanes = simd::width<T>;
  TokenShape<T> shape;
  T *rows, *results;   ///< a block that needs packing
  T *table, *counts;   ///< [heads, lanes]: Pi and P
  T *energy, *moment;  ///< [columns]: sums so far

  template <class Work>
  static CausalTssaForward cut(Work& work, TokenShape<T> const& s) {
    auto const take = [&](int count) { return work.template take<T>(static_cast<std::size_t>(count)).data(); };
    CausalTssaForward f{};
    f.shape = s;
    for (T** block : {&f.rows, &f.results}) *block = take(lanes * s.columns());
    for (T** lane : {&f.table, &f.counts}) *lane = take(s.heads * lanes);
    for (T** channel : {&f.energy, &f.moment}) *channel = take(s.columns());
    return f;
  }

  /// @param bias  [heads, ...] in rows `positions` long, or null
  void run(T const* w, T const* temperature, T const* bias, std::ptrdiff_t positions, T* out, T* membership) const {
    for (T* zero : {energy, moment}) std::fill_n(zero, shape.columns(), T(0));
    std::fill_n(counts, shape.heads * lanes, static_cast<T>(least_count));
    auto const features = simd::broadcast(static_cast<T>(shape.features));
    for (int first = 0; first < shape.tokens; first += lanes) {
      auto const block = read_rows(shape, w, first, rows);
      if (bias) read_table(shape, bias, positions, first, table);
      for (int h = 0; h < shape.heads; ++h) {
        V logit = shares(block, h);
        if (bias) logit = simd::fma(simd::load(table + h * lanes), features, logit);
        simd::store(table + h * lanes, logit * simd::broadcast(temperature[h]));
      }
      softmax_over_heads(shape.heads, shape.count(first), table);
      write_table(shape, table, first, membership);
      auto const to = result_rows(shape, out, first, results);
      for (int h = 0; h < shape.heads; ++h) weigh(block, h, to);
      write_rows(shape, results, first, out);
    }
  }

 private:
  V shares(TokenRows<T const> const& block, int h) const {
    auto const least = simd::broadcast(static_cast<T>(least_causal_energy));
    V sums[lanes];
    for (auto& s : sums) s = simd::broadcast(T(0));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V so_far = simd::load(energy + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k), s = x * x;
        so_far = so_far + s;
        sums[t] = sums[t] + s / simd::max(so_far, least);
      }
      simd::store(energy + k, so_far);
    }
    return lane_sums<T>(sums);
  }
  void weigh(TokenRows<T const> const& block, int h, TokenRows<T> const& to) const {
    T *const pi = table + h * lanes, *const count = counts + h * lanes;
    T sum = count[lanes - 1];
    for (int t = 0; t < lanes; ++t) count[t] = sum += pi[t];
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V so_far = simd::load(moment + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        so_far = simd::fma(x * x, simd::broadcast(pi[t]), so_far);
        simd::store(to.data + t * to.stride + k,
                    x * simd::broadcast(-pi[t] * count[t]) / (simd::broadcast(count[t]) + so_far));
      }
      simd::store(moment + k, so_far);
    }
  }
};

}  // namespace krate::impl
