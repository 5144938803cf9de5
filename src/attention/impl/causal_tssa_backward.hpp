// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of causal_tssa_forward.hpp, from d = do, with RC the sum over this and later tokens:
//
//     dm_t = g_t^2 Pi_t w_t d_t,   D_t = RC(dm / P),   E_t = -RC(sum_j dm_j X_j / P^2)
//     dPi_t = sum_j (D_tj s_tj - d_tj w_tj g_tj) + E_t, dl_t its softmax gradient, F_t the later sum of dl s / sigma^2
//     dw_t = -Pi_t g_t d_t + 2 w_t (Pi_t D_t + temp (dl_t sigma_(t-1) / sigma_t^2 - F_t))
//
// One sweep forward for the sums before each block, and one backward. Host code only.
#pragma once

#include "attention/impl/token_block.hpp"
#include "attention/impl/tssa_constants.hpp"

namespace krate::impl {

template <class T>
struct CausalTssaBackward {
  using V = simd::Vec<T>;
  static constexpr int lanes = simd::width<T>;
  TokenShape<T> shape;
  T *rows, *gradients, *results;              ///< a block that needs packing
  T *table, *membership, *counts, *of_count;  ///< [heads, lanes]: dPi and dl, Pi, P, sum_j dm_j X_j / P^2
  T *energy, *moment;                         ///< [blocks, columns]: sums before the block
  T* starts;                                  ///< [blocks, heads]: P before the block
  T *d_sum, *f_sum;                           ///< [columns]: D, F
  T* e_sum;                                   ///< [heads]: E
  T *g, *d;                                   ///< [lanes, columns]: g and D of the block

  template <class Work>
  static CausalTssaBackward cut(Work& work, TokenShape<T> const& s) {
    auto const take = [&](int rows, int columns) {
      return work.template take<T>(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)).data();
    };
    CausalTssaBackward b{};
    b.shape = s;
    for (T** block : {&b.rows, &b.gradients, &b.results, &b.g, &b.d}) *block = take(lanes, s.columns());
    for (T** lane : {&b.table, &b.membership, &b.counts, &b.of_count}) *lane = take(s.heads, lanes);
    for (T** sums : {&b.energy, &b.moment}) *sums = take(s.blocks(), s.columns());
    b.starts = take(s.blocks(), s.heads);
    for (T** sum : {&b.d_sum, &b.f_sum}) *sum = take(1, s.columns());
    b.e_sum = take(1, s.heads);
    return b;
  }

  /// @param bias          [heads, ...] in rows `positions` long, or null
  /// @param dlogits       [heads, tokens], dl, written
  /// @param dtemperature  [heads], written
  void run(T const* w, T const* temperature, T const* bias, std::ptrdiff_t positions, T const* saved_membership,
           T const* dout, T* dw, T* dlogits, T* dtemperature) const {
    sum_before_blocks(w, saved_membership);
    for (T* zero : {d_sum, f_sum}) std::fill_n(zero, shape.columns(), T(0));
    for (T* zero : {e_sum, dtemperature}) std::fill_n(zero, shape.heads, T(0));
    for (int b = shape.blocks() - 1; b >= 0; --b) {
      int const first = b * lanes;
      read_table(shape, saved_membership, shape.tokens, first, membership);
      auto const block = read_rows(shape, w, first, rows), up = read_rows(shape, dout, first, gradients);
      for (int h = 0; h < shape.heads; ++h) membership_gradient(block, up, b, h);
      softmax_over_heads_backward(shape.heads, membership, table);
      write_table(shape, table, first, dlogits);
      auto const to = result_rows(shape, dw, first, results);
      for (int h = 0; h < shape.heads; ++h) {
        dtemperature[h] += result(block, up, b, h, temperature[h], to);
        for (int t = 0; bias && t < shape.count(first); ++t)
          dtemperature[h] += table[h * lanes + t] * bias[h * positions + first + t] * static_cast<T>(shape.features);
      }
      write_rows(shape, results, first, dw);
    }
  }

 private:
  T const* at_block(T const* sums, int b) const { return sums + static_cast<std::ptrdiff_t>(b) * shape.columns(); }

  void sum_before_blocks(T const* w, T const* saved_membership) const {
    for (T* zero : {energy, moment}) std::fill_n(zero, shape.columns(), T(0));
    std::fill_n(starts, shape.heads, static_cast<T>(least_count));
    for (int b = 0; b + 1 < shape.blocks(); ++b) {
      auto const block = read_rows(shape, w, b * lanes, rows);
      read_table(shape, saved_membership, shape.tokens, b * lanes, membership);
      for (int h = 0; h < shape.heads; ++h) {
        T const* const pi = membership + h * lanes;
        T count = starts[b * shape.heads + h];
        for (int t = 0; t < lanes; ++t) count += pi[t];
        starts[(b + 1) * shape.heads + h] = count;
        for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
          V e = simd::load(at_block(energy, b) + k), m = simd::load(at_block(moment, b) + k);
          for (int t = 0; t < lanes; ++t) {
            V const x = simd::load(block.data + t * block.stride + k), s = x * x;
            e = e + s;
            m = simd::fma(s, simd::broadcast(pi[t]), m);
          }
          simd::store(energy + static_cast<std::ptrdiff_t>(b + 1) * shape.columns() + k, e);
          simd::store(moment + static_cast<std::ptrdiff_t>(b + 1) * shape.columns() + k, m);
        }
      }
    }
  }

  /// dPi of a head to `table`, g and D of the block beside.
  void membership_gradient(TokenRows<T const> const& block, TokenRows<T const> const& up, int b, int h) const {
    T const* const pi = membership + h * lanes;
    T* const count = counts + h * lanes;
    T sum = starts[b * shape.heads + h];
    for (int t = 0; t < lanes; ++t) count[t] = sum += pi[t];
    V direct[lanes], of_counts[lanes];
    for (int t = 0; t < lanes; ++t) direct[t] = of_counts[t] = simd::broadcast(T(0));
    auto const one = simd::broadcast(T(1));
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V x[lanes], so_far = simd::load(at_block(moment, b) + k), later = simd::load(d_sum + k);
      for (int t = 0; t < lanes; ++t) {
        x[t] = simd::load(block.data + t * block.stride + k);
        so_far = simd::fma(x[t] * x[t], simd::broadcast(pi[t]), so_far);
        simd::store(d + t * shape.columns() + k, so_far / simd::broadcast(count[t]));  // m, until D takes its place
      }
      for (int t = lanes - 1; t >= 0; --t) {
        V const m = simd::load(d + t * shape.columns() + k), weight = one / (one + m);
        V const product = x[t] * simd::load(up.data + t * up.stride + k) * weight;
        V const dm = weight * product * simd::broadcast(pi[t] / count[t]);
        later = later + dm;
        direct[t] = direct[t] + simd::fma(later * x[t], x[t], simd::broadcast(T(0)) - product);
        of_counts[t] = simd::fma(dm, m, of_counts[t]);
        simd::store(g + t * shape.columns() + k, weight);
        simd::store(d + t * shape.columns() + k, later);
      }
      simd::store(d_sum + k, later);
    }
    simd::store(table + h * lanes, lane_sums<T>(direct));
    simd::store(of_count + h * lanes, lane_sums<T>(of_counts));
    for (int t = lanes - 1; t >= 0; --t) table[h * lanes + t] += e_sum[h] -= of_count[h * lanes + t];
  }

  /// dw of a head; gives its part of dtemp, without that of the bias.
  T result(TokenRows<T const> const& block, TokenRows<T const> const& up, int b, int h, T temperature,
           TokenRows<T> const& to) const {
    T const* const pi = membership + h * lanes;
    auto const zero = simd::broadcast(T(0)), one = simd::broadcast(T(1)), two = simd::broadcast(T(2)),
               temp = simd::broadcast(temperature), least = simd::broadcast(static_cast<T>(least_causal_energy));
    V of_temperature = zero;
    for (int k = h * shape.width(); k < (h + 1) * shape.width(); k += lanes) {
      V before[lanes], so_far = simd::load(at_block(energy, b) + k), later = simd::load(f_sum + k);
      for (int t = 0; t < lanes; ++t) {
        V const x = simd::load(block.data + t * block.stride + k);
        before[t] = so_far;
        so_far = simd::fma(x, x, so_far);
      }
      for (int t = lanes - 1; t >= 0; --t) {
        V const x = simd::load(block.data + t * block.stride + k), s = x * x, sigma = simd::max(before[t] + s, least);
        // 1 where sigma is not held at its least, else 0; the difference is far above 1e-30 where it is not 0.
        V const above = zero - simd::max(zero - (sigma - least) * simd::broadcast(T(1e30)), zero - one);
        V const dl = simd::broadcast(table[h * lanes + t]), reciprocal = one / sigma, share = s * reciprocal;
        of_temperature = simd::fma(dl, share, of_temperature);
        V const scaled = dl * reciprocal, rest = one - above + above * before[t] * reciprocal;
        V const factor = simd::fma(simd::broadcast(pi[t]), simd::load(d + t * shape.columns() + k),
                                   temp * simd::fma(scaled, rest, zero - later));
        V const direct =
            simd::broadcast(-pi[t]) * simd::load(g + t * shape.columns() + k) * simd::load(up.data + t * up.stride + k);
        simd::store(to.data + t * to.stride + k, simd::fma(two * x, factor, direct));
        later = simd::fma(above * scaled, share, later);
      }
      simd::store(f_sum + k, later);
    }
    return simd::sum<T>(of_temperature);
  }
};

}  // namespace krate::impl
