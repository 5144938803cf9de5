// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of tssa_forward.hpp, in three sweeps over W and d = do: with e_j = sum_n Pi_n w_nj d_nj and
// dm_j = g_j^2 e_j / c,
//
//     dPi_n = sum_j (dm_j (s_nj - m_j) - g_j w_nj d_nj),          dl_n its softmax gradient, kappa_j = sum_n dl_n s_nj
//     dw_nj = 2 w_nj (Pi_n dm_j + temp (dl_n - kappa_j / sigma_j) / sigma_j) - Pi_n g_j d_nj
//
// Host code only.
#pragma once

#include "attention/impl/token_block.hpp"
#include "attention/impl/tssa_constants.hpp"

namespace krate::impl {

template <class T>
struct TssaBackward {
  using V = simd::Vec<T>;
  static constexpr int lanes = simd::width<T>;
  TokenShape<T> shape;
  T *rows, *gradients, *results;  ///< a block that needs packing
  T *table, *membership;          ///< [heads, lanes]
  T* logits;                      ///< [heads, padded tokens]: sum_j g w d, and then dl
  T* counts;                      ///< [heads]
  T *reciprocal, *live;           ///< [columns]: 1 / sigma, 0 for dead channels
  T *moment, *g, *dm, *kappa;     ///< [columns]

  template <class Work>
  static TssaBackward cut(Work& work, TokenShape<T> const& s) {
    auto const take = [&](int count) { return work.template take<T>(static_cast<std::size_t>(count)).data(); };
    TssaBackward b{};
    b.shape = s;
    for (T** block : {&b.rows, &b.gradients, &b.results}) *block = take(lanes * s.columns());
    for (T** lane : {&b.table, &b.membership}) *lane = take(s.heads * lanes);
    b.logits = take(s.heads * s.padded_tokens());
    b.counts = take(s.heads);
    for (T** c : {&b.reciprocal, &b.live, &b.moment, &b.g, &b.dm, &b.kappa}) *c = take(s.columns());
    return b;
  }

  /// @param dtemperature  [heads], written
  void run(T const* w, T const* temperature, T const* saved_membership, T const* energy, T const* saved_moment,
           T const* dout, T* dw, T* dtemperature) const {
    prepare(saved_membership, energy, saved_moment);
    auto const blocks = [&](auto const& each) {
      for (int first = 0; first < shape.tokens; first += lanes) {
        read_table(shape, saved_membership, shape.tokens, first, membership);
        each(first, read_rows(shape, w, first, rows));
      }
    };
    blocks([&](int first, TokenRows<T const> const& block) {
      auto const d = read_rows(shape, dout, first, gradients);
      for (int h = 0; h < shape.heads; ++h) simd::store(logits_at(h, first), add_products(block, d, h));
    });
    for (int h = 0; h < shape.heads; ++h) finish_moment(h);
    blocks([&](int first, TokenRows<T const> const& block) {
      for (int h = 0; h < shape.heads; ++h)
        simd::store(table + h * lanes, of_moment(block, h) - simd::load(logits_at(h, first)));
      softmax_over_heads_backward(shape.heads, membership, table);
      for (int h = 0; h < shape.heads; ++h) {
        simd::store(logits_at(h, first), simd::load(table + h * lanes));
        add_kappa(block, h);
      }
    });
    for (int h = 0; h < shape.heads; ++h) dtemperature[h] = finish_kappa(h, temperature[h]);
    blocks([&](int first, TokenRows<T const> const& block) {
      read_table(shape, logits, shape.padded_tokens(), first, table);
      result(block, read_rows(shape, dout, first, gradients), result_rows(shape, dw, first, results));
      write_rows(shape, results, first, dw);
    });
  }

 private:
  T* logits_at(int h, int first) const { return logits + h * shape.padded_tokens() + first; }

  void prepare(T const* saved_membership, T const* energy, T const* saved_moment) const {
    std::fill_n(counts, shape.heads, static_cast<T>(least_count));
    for (int h = 0; h < shape.heads; ++h)
      for (int n = 0; n < shape.tokens; ++n) counts[h] += saved_membership[h * shape.tokens + n];
    pad_channels(shape, saved_moment, moment);
    pad_channels(shape, energy, reciprocal);
    for (int k = 0; k < shape.columns(); ++k) {
      bool const dead = reciprocal[k] <= static_cast<T>(least_energy);
      live[k] = dead ? T(0) : T(1);
      reciprocal[k] = 1 / (dead ? static_cast<T>(least_energy) : reciprocal[k]);
      g[k] = 1 / (1 + moment[k]);
    }
    for (T* zero : {dm, kappa}) std::fill_n(zero, shape.columns(), T(0));
  }
  /// Adds to e; gives sum_j g w d.
  V add_products(TokenRows<T const> const& block, TokenRows<T const> const& d, int h) const {
    V sums[lanes];
    for (auto& s : sums) s = simd::broadcast(T(0));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V const weight = simd::load(g + k);
      V e = simd::load(dm + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k) * simd::load(d.data + t * d.stride + k);
        e = simd::fma(x, simd::broadcast(membership[h * lanes + t]), e);
        sums[t] = simd::fma(x, weight, sums[t]);
      }
      simd::store(dm + k, e);
    }
    return lane_sums<T>(sums);
  }
  /// e to dm; and counts[h] to sum_j dm m.
  void finish_moment(int h) const {
    T of_all = 0;
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); ++k) {
      dm[k] *= g[k] * g[k] / counts[h];
      of_all += dm[k] * moment[k];
    }
    counts[h] = of_all;
  }
  V of_moment(TokenRows<T const> const& block, int h) const {
    V sums[lanes];
    for (auto& s : sums) s = simd::broadcast(T(0));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V const weight = simd::load(dm + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        sums[t] = simd::fma(x * x, weight, sums[t]);
      }
    }
    return lane_sums<T>(sums) - simd::broadcast(counts[h]);
  }
  void add_kappa(TokenRows<T const> const& block, int h) const {
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V sum = simd::load(kappa + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        sum = simd::fma(x * x, simd::broadcast(table[h * lanes + t]), sum);
      }
      simd::store(kappa + k, sum);
    }
  }
  /// The factors of result(): dm to 2 dm, 1 / sigma to 2 temp / sigma, kappa to -2 temp kappa / sigma^2. Gives dtemp.
  T finish_kappa(int h, T temperature) const {
    T sum = 0;
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); ++k) {
      T const share = kappa[k] * reciprocal[k];
      sum += share;
      reciprocal[k] *= 2 * temperature;
      kappa[k] = -share * live[k] * reciprocal[k];
      dm[k] *= 2;
      g[k] = -g[k];
    }
    return sum;
  }
  void result(TokenRows<T const> const& block, TokenRows<T const> const& d, TokenRows<T> const& to) const {
    for (int t = 0; t < lanes; ++t)
      for (int h = 0; h < shape.heads; ++h) {
        V const pi = simd::broadcast(membership[h * lanes + t]), dl = simd::broadcast(table[h * lanes + t]);
        for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
          V const factor =
              simd::fma(pi, simd::load(dm + k), simd::fma(dl, simd::load(reciprocal + k), simd::load(kappa + k)));
          V const direct = pi * simd::load(g + k) * simd::load(d.data + t * d.stride + k);
          simd::store(to.data + t * to.stride + k,
                      simd::fma(simd::load(block.data + t * block.stride + k), factor, direct));
        }
      }
  }
};

}  // namespace krate::impl
