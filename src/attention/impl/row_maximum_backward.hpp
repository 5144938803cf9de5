// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of row_maximum.hpp, in strips of rows: with P_ij = 2^(l_ij - L_i), P_ji = 2^(l_ij - L_j), both at most
// 1,
//
//     T_ij = s (P_ij (dO_i . w_j - delta_i) + P_ji (w_i . dO_j - delta_j)),   dw_i = sum_j P_ji dO_j + T_ij w_j
//
// Host code only.
#pragma once

#include "attention/impl/row_maximum.hpp"

namespace krate::impl {

template <class T>
struct RowMaximumBackward {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  PackedHead<T> head;
  T *rows, *panels;                ///< dO
  T *minus_log_sum, *minus_delta;  ///< -L, -delta
  T *transposed, *merged;          ///< P_ji, T; [strip_rows, tokens]
  T* gradient;                     ///< [strip_rows, width]

  template <class Work>
  static RowMaximumBackward cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    constexpr auto strip = static_cast<std::size_t>(strip_rows<T>);
    RowMaximumBackward s{};
    s.head = PackedHead<T>::cut(work, shape);
    s.rows = take(shape.rows_size());
    s.panels = take(tokens * static_cast<std::size_t>(shape.features));
    for (T** vector : {&s.minus_log_sum, &s.minus_delta}) *vector = take(tokens);
    for (T** scores : {&s.transposed, &s.merged}) *scores = take(strip * tokens);
    s.gradient = take(strip * static_cast<std::size_t>(shape.width()));
    return s;
  }

  bool run(T const* w, T const* out, T const* log_sum, T const* dout, std::size_t stride, T* dw) const {
    HeadShape<T> const shape = head.shape;
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    head.fill(w, stride);
    bool const finite = head.range().finite;
    pack_rows(shape, dout, stride, rows);
    pack_panels<T>(shape, rows, T(1), nullptr, panels);
    for (int i = 0; i < shape.computed_tokens(); ++i) {
      minus_log_sum[i] = i < n ? -log_sum[i] * PackedHead<T>::log2e : 0;
      T delta = 0;
      for (int k = 0; k < shape.features && i < n; ++k)
        delta += dout[static_cast<std::size_t>(i) * stride + static_cast<std::size_t>(k)] *
                 out[static_cast<std::size_t>(i) * stride + static_cast<std::size_t>(k)];
      minus_delta[i] = -delta;
    }
    for (int first = 0; first < n; first += strip_rows<T>) {
      for_strip(shape, first, [&](auto vectors, int i, int j) {
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
  template <int Columns>
  void fill_tile(int i, int j, std::ptrdiff_t at) const {
    int const features = head.shape.features, leading = head.shape.token_capacity();
    T const s = PackedHead<T>::scale(features);
    V const to_w = simd::broadcast(1 / std::sqrt(s * PackedHead<T>::log2e)), scale = simd::broadcast(s);  // w from x
    V l[Tile::rows][Columns], ij[Tile::rows][Columns], ji[Tile::rows][Columns];
    panel_product<Columns, T>(head.panels, head.panels, features, i, j, l);
    panel_product<Columns, T>(panels, head.panels, features, i, j, ij);
    panel_product<Columns, T>(head.panels, panels, features, i, j, ji);
    for (int r = 0; r < Tile::rows; ++r)
      for (int c = 0; c < Columns; ++c) {
        int const column = j + c * Tile::lanes;
        V const p = simd::exp2<T>(l[r][c] + simd::broadcast(minus_log_sum[i + r])),
                q = simd::exp2<T>(l[r][c] + simd::load(minus_log_sum + column));
        V const own = p * simd::fma(ij[r][c], to_w, simd::broadcast(minus_delta[i + r])),
                other = simd::fma(ji[r][c], to_w, simd::load(minus_delta + column));
        std::ptrdiff_t const to = at + static_cast<std::ptrdiff_t>(r) * leading + c * Tile::lanes;
        simd::store(transposed + to, q);
        simd::store(merged + to, scale * simd::fma(q, other, own));
      }
  }
};

}  // namespace krate::impl
