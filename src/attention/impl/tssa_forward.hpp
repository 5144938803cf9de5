// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics attention of one sample, in three sweeps over W while it stays in cache. With
// s = w w, sigma_j = sum_n s_nj:
//
//     Pi_n = softmax over heads of temp_h sum_j s_nj / sigma_j,   m_j = sum_n Pi_n s_nj / c,   c = sum_n Pi_n + 1e-8
//     o_nj = -w_nj Pi_n g_j,                                      g_j = 1 / (1 + m_j)
//
// Host code only.
#pragma once

#include "attention/impl/token_block.hpp"
#include "attention/impl/tssa_constants.hpp"

namespace krate::impl {

template <class T>
struct TssaForward {
  using V = simd::Vec<T>;
  static constexpr int lanes = simd::width<T>;
  TokenShape<T> shape;
  T *rows, *results;                    ///< a block that needs packing
  T *table, *counts;                    ///< [heads, lanes]
  T *energy, *reciprocal, *moment, *g;  ///< [columns]

  template <class Work>
  static TssaForward cut(Work& work, TokenShape<T> const& s) {
    auto const take = [&](int count) { return work.template take<T>(static_cast<std::size_t>(count)).data(); };
    TssaForward f{};
    f.shape = s;
    for (T** block : {&f.rows, &f.results}) *block = take(lanes * s.columns());
    for (T** lane : {&f.table, &f.counts}) *lane = take(s.heads * lanes);
    for (T** channel : {&f.energy, &f.reciprocal, &f.moment, &f.g}) *channel = take(s.columns());
    return f;
  }

  void run(T const* w, T const* temperature, T* out, T* membership, T* saved_energy, T* saved_moment) const {
    for (T* zero : {energy, moment}) std::fill_n(zero, shape.columns(), T(0));
    std::fill_n(counts, shape.heads * lanes, T(0));
    for (int first = 0; first < shape.tokens; first += lanes) add_energy(read_rows(shape, w, first, rows));
    unpad_channels(shape, energy, saved_energy);
    auto const one = simd::broadcast(T(1)), least = simd::broadcast(static_cast<T>(least_energy));
    for (int k = 0; k < shape.columns(); k += lanes)
      simd::store(reciprocal + k, one / simd::max(simd::load(energy + k), least));
    for (int first = 0; first < shape.tokens; first += lanes) {
      auto const block = read_rows(shape, w, first, rows);
      for (int h = 0; h < shape.heads; ++h)
        simd::store(table + h * lanes, logits(block, h) * simd::broadcast(temperature[h]));
      softmax_over_heads(shape.heads, shape.count(first), table);
      write_table(shape, table, first, membership);
      for (int h = 0; h < shape.heads; ++h) add_moment(block, h);
    }
    for (int h = 0; h < shape.heads; ++h) {
      T const count = simd::sum<T>(simd::load(counts + h * lanes)) + static_cast<T>(least_count);
      for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
        V const m = simd::load(moment + k) / simd::broadcast(count);
        simd::store(moment + k, m);
        simd::store(g + k, simd::broadcast(T(-1)) / (one + m));
      }
    }
    unpad_channels(shape, moment, saved_moment);
    for (int first = 0; first < shape.tokens; first += lanes) {
      read_table(shape, membership, shape.tokens, first, table);
      weigh(read_rows(shape, w, first, rows), result_rows(shape, out, first, results));
      write_rows(shape, results, first, out);
    }
  }

 private:
  void add_energy(TokenRows<T const> const& block) const {
    for (int k = 0; k < shape.columns(); k += lanes) {
      V sum = simd::load(energy + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        sum = simd::fma(x, x, sum);
      }
      simd::store(energy + k, sum);
    }
  }
  /// The shares of the block's tokens in the energies of a head.
  V logits(TokenRows<T const> const& block, int h) const {
    V sums[lanes];
    for (auto& s : sums) s = simd::broadcast(T(0));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V const r = simd::load(reciprocal + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        sums[t] = simd::fma(x * x, r, sums[t]);
      }
    }
    return lane_sums<T>(sums);
  }
  void add_moment(TokenRows<T const> const& block, int h) const {
    T const* const pi = table + h * lanes;
    simd::store(counts + h * lanes, simd::load(counts + h * lanes) + simd::load(pi));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V m = simd::load(moment + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        m = simd::fma(x * x, simd::broadcast(pi[t]), m);
      }
      simd::store(moment + k, m);
    }
  }
  void weigh(TokenRows<T const> const& block, TokenRows<T> const& to) const {
    for (int t = 0; t < lanes; ++t)
      for (int h = 0; h < shape.heads; ++h) {
        V const pi = simd::broadcast(table[h * lanes + t]);
        for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes)
          simd::store(to.data + t * to.stride + k,
                      simd::load(block.data + t * block.stride + k) * pi * simd::load(g + k));
      }
  }
};

}  // namespace krate::impl
