// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace attention as smoothing with a Gaussian kernel, one head of one sample. With s = p^-1/2, b_i = s |w_i|^2 / 2:
//
//     E_ij  = exp(s w_i . w_j - b_i - b_j) = exp(-s |w_i - w_j|^2 / 2)      symmetric, in (0, 1]
//     v_j   = exp(b_j - max b)                                               0 for keys that are padding
//     out_i = sum_j E_ij v_j w_j / Z_i,   Z_i = sum_j E_ij v_j              = the row softmax of s W W^T, times W
//
// A token's own weight, which is almost 1 where logits are large, stays apart: E_ii = 1 is not rounded, and the sums
// run over the others. A block pair (I, J), I <= J, of E is computed once, stored, and used for rows I and for rows J;
// where attention is causal for rows J alone, which read it by columns. Host code only.
#pragma once

#include "attention/impl/packed_head.hpp"

namespace krate::impl {

template <class T>
struct SymmetricForward {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  PackedHead<T> head;
  T* z;         ///< [tokens], without a token's own v
  T* smoothed;  ///< sum_j E_ij v_j w_j over the other tokens
  T* block;

  template <class Work>
  static SymmetricForward cut(Work& work, HeadShape<T> const& shape) {
    auto const head = PackedHead<T>::cut(work, shape);
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto* const z = take(static_cast<std::size_t>(shape.token_capacity()));
    auto* const smoothed = take(shape.rows_size());
    return {head, z, smoothed, take(shape.block_size())};
  }

  /// False, with nothing written, where the logits range too far for this form.
  bool run(T const* w, std::size_t stride, bool const* keys, T* out, T* shift, T* sum) const {
    HeadShape<T> const shape = head.shape;
    head.fill(w, stride, keys);
    auto const range = head.range();
    if (!range.narrow) return false;
    head.fill_values(range.reference);
    scale_rows(shape, head.value, head.rows, head.rows);
    std::fill_n(z, shape.token_capacity(), T(0));
    std::fill_n(smoothed, shape.rows_size(), T(0));
    for (int i = 0; i < shape.tokens; i += Tile::side)
      for (int j = i; j < shape.tokens; j += Tile::side) add_block(i, j);
    finish(w, range.reference, out, stride, shift, sum);
    return true;
  }

 private:
  T const* rows_at(int j) const { return head.rows + static_cast<std::ptrdiff_t>(j) * head.shape.width(); }

  void add_block(int first_row, int first_column) const {
    int const rows = std::min(Tile::side, head.shape.tokens - first_row),
              columns = std::min(Tile::side, head.shape.tokens - first_column), width = head.shape.width();
    bool const diagonal = first_row == first_column, causal = head.shape.causal;
    for (int i = 0; i < rows; i += Tile::rows) add_scores(first_row, first_column, i, columns, diagonal);
    BlockLeading<T> const leading;
    Reading const reading = !diagonal ? Reading::rows : causal ? Reading::ending_columns : Reading::symmetric;
    if (diagonal || !causal)
      add_smoothed(Block<T>{block, leading, reading}, rows, columns, rows_at(first_column), width,
                   smoothed + static_cast<std::ptrdiff_t>(first_row) * width);
    if (diagonal) return;
    add_smoothed(Block<T>{block, leading, Reading::columns}, columns, rows, rows_at(first_row), width,
                 smoothed + static_cast<std::ptrdiff_t>(first_column) * width);
  }

  /// One row of tiles, from the diagonal on; and its part of Z, for its rows and for the columns beyond the diagonal
  /// (causal: for all its columns and no rows).
  void add_scores(int first_row, int first_column, int i, int columns, bool diagonal) const {
    int const begin = diagonal ? i / Tile::granule * Tile::granule : 0, beyond = diagonal ? begin + Tile::granule : 0;
    int const row = first_row + i, features = head.shape.features;
    bool const causal = head.shape.causal;
    if (causal && diagonal) clear_margin(block, i, begin);
    T sums[Tile::rows * Tile::lanes] = {};
    for_tiles<T>(begin, padded_to(Tile::lanes, columns), [&](auto vectors, int j) {
      constexpr int count = vectors;
      int const column = first_column + j;
      V acc[Tile::rows][count];
      KRATE_UNROLL
      for (int c = 0; c < count; ++c) {
        V const b = simd::load(head.minus_b + column + c * Tile::lanes);
        for (int r = 0; r < Tile::rows; ++r) acc[r][c] = b + simd::broadcast(head.minus_b[row + r]);
      }
      constexpr std::integral_constant<int, 1> one;
      constexpr std::integral_constant<int, Tile::panel> panel;
      accumulate<Tile::rows, count, T>(acc, panel_at(head.panels, features, row), one, panel,
                                       panel_at(head.panels, features, column), panel, features);
      T* const e = block + static_cast<std::ptrdiff_t>(i) * Tile::leading + j;
      store_tile<Tile::rows, count, T>(acc, e);
      if (diagonal) drop_diagonal(e, i, j, count * Tile::lanes);
      to_powers<count>(e, row, column, i - j, beyond - j, sums);
    });
    if (causal) return;
    for (int r = 0; r < Tile::rows; ++r) z[row + r] += simd::sum<T>(simd::load(sums + r * Tile::lanes));
  }

  /// Logits of a tile to E, and its part of Z. Not inlined: the tile's product needs all registers for its sums.
  template <int Columns>
  [[gnu::noinline]] void to_powers(T* e, int row, int column, int below, int beyond, T* sums) const {
    bool const causal = head.shape.causal;
    for (int c = 0; c < Columns * Tile::lanes; c += Tile::lanes) {
      V const value = simd::load(head.value + column + c);
      V of_columns = simd::load(z + column + c);
      for (int r = 0; r < Tile::rows; ++r) {
        T *const at = e + r * Tile::leading + c, *const of_row = sums + r * Tile::lanes;
        V x = simd::exp2<T>(simd::load(at));
        if (causal && c < beyond) x = x * lanes_from<T>(below + r - c);
        simd::store(at, x);
        simd::store(of_row, simd::fma(x, value, simd::load(of_row)));
        of_columns = simd::fma(x, simd::broadcast(head.value[row + r]), of_columns);
      }
      if (causal || c >= beyond) simd::store(z + column + c, of_columns);
    }
  }

  void finish(T const* w, T reference, T* out, std::size_t stride, T* shift, T* sum) const {
    T const* from = smoothed;
    int const features = head.shape.features, whole = features / Tile::lanes * Tile::lanes;
    for (int i = 0; i < head.shape.tokens; ++i, from += head.shape.width(), w += stride, out += stride) {
      T const all = z[i] + head.value[i];
      shift[i] = reference - head.minus_b[i];
      sum[i] = all > 0 ? all : std::numeric_limits<T>::infinity();
      T const reciprocal = 1 / sum[i], own = head.value[i] / sum[i];
      V const scale = simd::broadcast(reciprocal), of_own = simd::broadcast(own);
      for (int k = 0; k < whole; k += Tile::lanes)
        simd::store(out + k, simd::fma(of_own, simd::load(w + k), simd::load(from + k) * scale));
      for (int k = whole; k < features; ++k) out[k] = std::fma(own, w[k], from[k] * reciprocal);
    }
  }
};

}  // namespace krate::impl
