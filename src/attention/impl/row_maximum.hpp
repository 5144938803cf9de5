// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace attention for heads whose logits range too far for the symmetric form: strips of rows, less the maximum of
// each row. In powers of two, l_ij = x_i . x_j with x = sqrt(s log2 e) w:
//
//     out_i = sum_j 2^(l_ij - m_i) w_j / sum_j 2^(l_ij - m_i),   m_i = max_j l_ij
//
// over the keys j that query i sees. Host code only.
#pragma once

#include "attention/impl/packed_head.hpp"

namespace krate::impl {

/// Rows of a strip; a multiple of the rows of every tile.
template <class T>
inline constexpr int strip_rows = AttentionTile<T>::result_granule;

/// f(vectors as integral_constant, row, column) for the tiles of one strip, up to column `end`.
template <class T, class F>
KRATE_TILE_FUNCTION void for_strip(HeadShape<T> const& shape, int first, int end, F const& f) {
  using Tile = AttentionTile<T>;
  for (int i = first; i < std::min(first + strip_rows<T>, shape.computed_tokens()); i += Tile::rows)
    for_tiles<T>(0, end, [&](auto vectors, int j) { f(vectors, i, j); });
}

/// The smaller of x and 0.
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> at_most_zero(simd::Vec<T> const& x) {
  auto const zero = simd::broadcast(T(0));
  return zero - simd::max(zero - x, zero);
}

/// Products of the rows i ... of `left` with the columns j ... of `right`, both panels.
template <int Columns, class T>
KRATE_TILE_FUNCTION void panel_product(T const* left, T const* right, int features, int i, int j,
                                       simd::Vec<T> (&acc)[AttentionTile<T>::rows][Columns], bool wanted = true) {
  constexpr std::integral_constant<int, 1> one;
  constexpr std::integral_constant<int, AttentionTile<T>::panel> panel;
  for (auto& row : acc)
    for (auto& v : row) v = simd::broadcast(T(0));
  accumulate<AttentionTile<T>::rows, Columns, T>(acc, panel_at(left, features, i), one, panel,
                                                 panel_at(right, features, j), panel, wanted ? features : 0);
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

  bool run(T const* w, std::size_t stride, bool const* keys, T* out, T* shift, T* sum) const {
    HeadShape<T> const shape = head.shape;
    head.fill(w, stride, keys);
    bool const finite = head.range().finite;
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    for (int first = 0; first < n; first += strip_rows<T>) {
      int const rows = std::min(strip_rows<T>, n - first), depth = shape.causal ? first + rows : n,
                end = padded_to(Tile::lanes, depth);
      for_strip(shape, first, end, [&](auto vectors, int i, int j) {
        simd::Vec<T> acc[Tile::rows][vectors];
        panel_product<vectors, T>(head.panels, head.panels, shape.features, i, j, acc);
        KRATE_UNROLL
        for (int r = 0; r < Tile::rows; ++r)
          for (int c = 0; c < vectors; ++c)
            simd::store(strip + static_cast<std::ptrdiff_t>(i - first + r) * leading + j + c * Tile::lanes, acc[r][c]);
      });
      std::fill_n(smoothed, static_cast<std::ptrdiff_t>(strip_rows<T>) * width, T(0));
      T reciprocal[strip_rows<T>];
      for (int r = 0; r < rows; ++r) {
        int const i = first + r;
        sum[i] =
            exponentiate(strip + static_cast<std::ptrdiff_t>(r) * leading, shape.causal ? i + 1 : n, end, shift[i]);
        reciprocal[r] = 1 / sum[i];
      }
      add_smoothed(Scores<T, int>{strip, leading, Reading::rows}, rows, depth, head.rows, width, smoothed);
      for (int r = 0; r < rows; ++r)
        for (int k = 0; k < shape.features; ++k)
          out[static_cast<std::size_t>(first + r) * stride + static_cast<std::size_t>(k)] =
              smoothed[r * width + k] * reciprocal[r];
    }
    if (!finite) spoil(out, stride, shift, sum);
    return true;
  }

 private:
  /// A row of logits, n of them seen if they are no padding, to its numerators up to `end`; gives their sum.
  T exponentiate(T* row, int n, int end, T& shift) const {
    constexpr T least = std::numeric_limits<T>::lowest();
    T largest = least;
    for (int j = 0; j < n; ++j) largest = head.seen[j] != 0 && row[j] > largest ? row[j] : largest;
    shift = largest > least ? largest : 0;
    auto const top = simd::broadcast(shift);
    for (int j = 0; j < end; j += Tile::lanes)
      simd::store(row + j, simd::exp2<T>(at_most_zero<T>(simd::load(row + j) - top)) * simd::load(head.seen + j));
    std::fill(row + n, row + end, T(0));
    auto sums = simd::broadcast(T(0));
    for (int j = 0; j < end; j += Tile::lanes) sums = sums + simd::load(row + j);
    T const sum = simd::sum<T>(sums);
    return sum == 0 ? std::numeric_limits<T>::infinity() : sum;
  }

  /// What is not a number, or beyond the largest one, spoils its sample and head, and no other.
  void spoil(T* out, std::size_t stride, T* shift, T* sum) const {
    T const nan = std::numeric_limits<T>::quiet_NaN();
    for (int i = 0; i < head.shape.tokens; ++i, out += stride) std::fill_n(out, head.shape.features, nan);
    for (T* row : {shift, sum}) std::fill_n(row, head.shape.tokens, nan);
  }
};

}  // namespace krate::impl
