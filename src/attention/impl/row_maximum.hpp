// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace attention for heads whose logits range too far for the symmetric form: strips of rows, less the maximum of
// each row. In powers of two, l_ij = x_i . x_j with x = sqrt(s log2 e) w:
//
//     out_i = sum_j 2^(l_ij - m_i) w_j / sum_j 2^(l_ij - m_i),   m_i = max_j l_ij
//
// and backward with the stored denominators L_i: P_ij = 2^(l_ij - L_i), P_ji = 2^(l_ij - L_j), both at most 1.
// Host code only.
#pragma once

#include "attention/impl/packed_head.hpp"

namespace krate::impl {

/// Rows of a strip; a multiple of the rows of every tile.
template <class T>
inline constexpr int strip_rows = AttentionTile<T>::result_granule;

/// f(first row, first column, vectors as integral_constant, tile of x . y) for the tiles of one strip.
template <class T, class F>
KRATE_TILE_FUNCTION void for_strip(HeadShape<T> const& shape, int first, F const& f) {
  using Tile = AttentionTile<T>;
  for (int i = first; i < std::min(first + strip_rows<T>, shape.computed_tokens()); i += Tile::rows)
    for_tiles<T>(0, shape.computed_tokens(), [&](auto vectors, int j) { f(vectors, i, j); });
}

/// Products of the rows i ... of `left` with the columns j ... of `right`, both panels.
template <int Columns, class T>
KRATE_TILE_FUNCTION void panel_product(T const* left, T const* right, int features, int i, int j,
                                       simd::Vec<T> (&acc)[AttentionTile<T>::rows][Columns]) {
  constexpr std::integral_constant<int, 1> one;
  constexpr std::integral_constant<int, AttentionTile<T>::panel> panel;
  for (auto& row : acc)
    for (auto& v : row) v = simd::broadcast(T(0));
  accumulate<AttentionTile<T>::rows, Columns, T>(acc, panel_at(left, features, i), one, panel,
                                                 panel_at(right, features, j), panel, features);
}

template <class T>
struct RowMaximumForward {
  using Tile = AttentionTile<T>;
  PackedHead<T> head;
  T *strip, *smoothed;  ///< [strip_rows, tokens], [strip_rows, width]

  template <class Work>
  static RowMaximumForward cut(Work& work, HeadShape<T> const& shape) {
    auto const head = PackedHead<T>::cut(work, shape);
    auto const take = [&](int columns) {
      return work.template take<T>(static_cast<std::size_t>(strip_rows<T>) * static_cast<std::size_t>(columns)).data();
    };
    auto* const strip = take(shape.token_capacity());
    return {head, strip, take(shape.width())};
  }

  bool run(T const* w, std::size_t stride, T* out, T* log_sum) const {
    HeadShape<T> const shape = head.shape;
    head.fill(w, stride);
    bool const finite = head.range().finite;
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    for (int first = 0; first < n; first += strip_rows<T>) {
      for_strip(shape, first, [&](auto vectors, int i, int j) {
        simd::Vec<T> acc[Tile::rows][vectors];
        panel_product<vectors, T>(head.panels, head.panels, shape.features, i, j, acc);
        for (int r = 0; r < Tile::rows; ++r)
          for (int c = 0; c < vectors; ++c)
            simd::store(strip + static_cast<std::ptrdiff_t>(i - first + r) * leading + j + c * Tile::lanes, acc[r][c]);
      });
      int const rows = std::min(strip_rows<T>, n - first);
      std::fill_n(smoothed, static_cast<std::ptrdiff_t>(strip_rows<T>) * width, T(0));
      T reciprocal[strip_rows<T>];
      for (int r = 0; r < rows; ++r)
        log_sum[first + r] = exponentiate(strip + static_cast<std::ptrdiff_t>(r) * leading, reciprocal[r]);
      add_smoothed(Scores<T, int>{strip, leading, Reading::rows}, rows, n, head.rows, width, smoothed);
      for (int r = 0; r < rows; ++r)
        for (int k = 0; k < shape.features; ++k)
          out[static_cast<std::size_t>(first + r) * stride + static_cast<std::size_t>(k)] =
              smoothed[r * width + k] * reciprocal[r];
    }
    if (!finite) spoil(out, stride, log_sum);
    return true;
  }

 private:
  /// A row of logits to its numerators; gives the logarithm of their sum. The zeros after the last token never exceed
  /// the maximum, for l_ii >= 0.
  T exponentiate(T* row, T& reciprocal) const {
    int const n = head.shape.tokens, end = head.shape.computed_tokens();
    T largest = 0;
    for (int j = 0; j < n; ++j) largest = row[j] > largest ? row[j] : largest;
    auto const shift = simd::broadcast(largest);
    for (int j = 0; j < end; j += Tile::lanes) simd::store(row + j, simd::exp2<T>(simd::load(row + j) - shift));
    std::fill(row + n, row + end, T(0));
    auto sums = simd::broadcast(T(0));
    for (int j = 0; j < end; j += Tile::lanes) sums = sums + simd::load(row + j);
    T const sum = simd::sum<T>(sums);
    reciprocal = 1 / sum;
    return std::log(sum) + largest * PackedHead<T>::ln2;
  }

  /// What is not a number, or beyond the largest one, spoils its sample and head, and no other.
  void spoil(T* out, std::size_t stride, T* log_sum) const {
    T const nan = std::numeric_limits<T>::quiet_NaN();
    for (int i = 0; i < head.shape.tokens; ++i, out += stride) std::fill_n(out, head.shape.features, nan);
    std::fill_n(log_sum, head.shape.tokens, nan);
  }
};

}  // namespace krate::impl
