// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of row_maximum.hpp, in strips of rows: with P_ij = 2^(l_ij - m_i) / Z_i, P_ji = 2^(l_ij - m_j) / Z_j,
// 0 where a query does not see the key,
//
//     T_ij = s (P_ij (dO_i . w_j - delta_i) + P_ji (w_i . dO_j - delta_j)),   dw_i = sum_j P_ji dO_j + T_ij w_j
//
// delta_i = dO_i . O_i is summed in the order of dO_i . w_j, so that nothing is left of the difference where the
// softmax chose one key, as it does where logits are large.
// Host code only.
#pragma once

#include "attention/impl/row_maximum.hpp"

namespace krate::impl {

template <class T>
struct RowMaximumBackward {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  PackedHead<T> head;
  T *rows, *panels;                           ///< dO
  T* attended;                                ///< O as x is made of w, in panels
  T *minus_shift, *reciprocal, *minus_delta;  ///< -m, 1 / Z, -delta of `attended`
  T *transposed, *merged;                     ///< P_ji, T; [strip_rows, tokens]
  T* gradient;                                ///< [strip_rows, width]

  template <class Work>
  static RowMaximumBackward cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    constexpr auto strip = static_cast<std::size_t>(strip_rows<T>);
    RowMaximumBackward s{};
    s.head = PackedHead<T>::cut(work, shape);
    s.rows = take(shape.rows_size());
    for (T** panels : {&s.panels, &s.attended}) *panels = take(tokens * static_cast<std::size_t>(shape.features));
    for (T** vector : {&s.minus_shift, &s.reciprocal, &s.minus_delta}) *vector = take(tokens);
    for (T** scores : {&s.transposed, &s.merged}) *scores = take(strip * tokens);
    s.gradient = take(strip * static_cast<std::size_t>(shape.width()));
    return s;
  }

  bool run(T const* w, std::size_t stride, bool const* keys, T const* out, T const* shift, T const* sum, T const* dout,
           T* dw) const {
    HeadShape<T> const shape = head.shape;
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    head.fill(w, stride, keys);
    bool const finite = head.range().finite;
    prepare(stride, out, shift, sum, dout);
    for (int first = 0; first < n; first += strip_rows<T>) {
      for_strip(shape, first, shape.computed_tokens(), [&](auto vectors, int i, int j) {
        fill_tile<vectors>(i, j, static_cast<std::ptrdiff_t>(i - first) * leading + j);
      });
      int const count = std::min(strip_rows<T>, n - first);
      std::fill_n(gradient, static_cast<std::ptrdiff_t>(strip_rows<T>) * width, T(0));
      add_smoothed(Scores<T, int>{transposed, leading, Reading::rows}, count, n, rows, width, gradient);
      add_smoothed(Scores<T, int>{merged, leading, Reading::rows}, count, n, head.rows, width, gradient);
      for (int r = 0; r < count; ++r) {
        T* const to = dw + static_cast<std::size_t>(first + r) * stride;
        if (finite) {
          std::copy_n(gradient + r * width, shape.features, to);
        } else {
          std::fill_n(to, shape.features, std::numeric_limits<T>::quiet_NaN());
        }
      }
    }
    return true;
  }

 private:
  void prepare(std::size_t stride, T const* out, T const* shift, T const* sum, T const* dout) const {
    HeadShape<T> const shape = head.shape;
    pack_rows(shape, out, stride, rows);
    pack_panels<T>(shape, rows, head.to_x(), nullptr, attended);
    pack_rows(shape, dout, stride, rows);
    pack_panels<T>(shape, rows, T(1), nullptr, panels);
    int const n = shape.tokens, padded = shape.computed_tokens();
    for (T* vector : {minus_shift, reciprocal}) std::fill(vector + n, vector + padded, T(0));
    for (int i = 0; i < n; ++i) {
      minus_shift[i] = -shift[i];
      reciprocal[i] = 1 / sum[i];
    }
    for (int i = 0; i < padded; i += Tile::lanes) {
      V delta = simd::broadcast(T(0));
      T const *d = panel_at(panels, shape.features, i), *o = panel_at(attended, shape.features, i);
      for (int k = 0; k < shape.features; ++k, d += Tile::panel, o += Tile::panel)
        delta = simd::fma(simd::load(d), simd::load(o), delta);
      simd::store(minus_delta + i, simd::broadcast(T(0)) - delta);
    }
  }

  template <int Columns>
  void fill_tile(int i, int j, std::ptrdiff_t at) const {
    int const features = head.shape.features, leading = head.shape.token_capacity();
    bool const causal = head.shape.causal;
    V const scale = simd::broadcast(PackedHead<T>::scale(features) / head.to_x());  // w from x
    V l[Tile::rows][Columns], ij[Tile::rows][Columns], ji[Tile::rows][Columns];
    panel_product<Columns, T>(head.panels, head.panels, features, i, j, l);
    panel_product<Columns, T>(panels, head.panels, features, i, j, ij, !causal || j < i + Tile::rows);
    panel_product<Columns, T>(head.panels, panels, features, i, j, ji, !causal || j + Columns * Tile::lanes > i);
    for (int r = 0; r < Tile::rows; ++r)
      for (int c = 0; c < Columns; ++c) {
        int const column = j + c * Tile::lanes;
        V p = exponential(l[r][c] + simd::broadcast(minus_shift[i + r])) * simd::broadcast(reciprocal[i + r]),
          q = exponential(l[r][c] + simd::load(minus_shift + column)) * simd::load(reciprocal + column);
        p = p * simd::load(head.seen + column);
        q = q * simd::broadcast(head.seen[i + r]);
        if (causal) {
          p = p * (simd::broadcast(T(1)) - lanes_from<T>(i + r + 1 - column));
          q = q * lanes_from<T>(i + r - column);
        }
        V const own = p * (ij[r][c] + simd::broadcast(minus_delta[i + r])),
                other = ji[r][c] + simd::load(minus_delta + column);
        std::ptrdiff_t const to = at + static_cast<std::ptrdiff_t>(r) * leading + c * Tile::lanes;
        simd::store(transposed + to, q);
        simd::store(merged + to, scale * simd::fma(q, other, own));
      }
  }
  /// 2^x, and no more than 1 for keys that are not seen.
  static V exponential(V const& x) { return simd::exp2<T>(at_most_zero<T>(x)); }
};

}  // namespace krate::impl
