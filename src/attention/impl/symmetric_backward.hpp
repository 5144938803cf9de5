// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of symmetric_forward.hpp, one head of one sample. With A_ij = E_ij v_j / Z_i and delta_i = dO_i . O_i
// the query and key paths merge into a symmetric T, and with dH_i = dO_i / Z_i, g_i = delta_i / Z_i:
//
//     T_ij = s E_ij (dH_i . v_j w_j + v_i w_i . dH_j - g_i v_j - v_i g_j)
//     dw_i = v_i sum_j E_ij dH_j + sum_j T_ij w_j
//
// A token's own part, A_ii dO_i + T_ii w_i with T_ii = 2 s A_ii dO_i . (w_i - O_i), stays apart, as in the forward
// pass. A block pair of E and T is computed once: seven products of half a block's size, for E 1, T 2,
// dw 4. Causal, i >= j: T_ij = s E_ij (dH_i . v_j w_j - g_i v_j) = T_ji; five products, for E
// 1, T 1, dw 3. Z is the stored one, of the same bits of E and v. Host code only.
#pragma once

#include "attention/impl/packed_head.hpp"

namespace krate::impl {

template <class T>
struct SymmetricBackward {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  PackedHead<T> head;
  T *rows, *panels;            ///< dH
  T* values;                   ///< s v_j w_j, in panels
  T *reciprocal, *g, *scaled;  ///< 1 / Z_j, -g_j, s v_j; 0 after the last token
  T* gradient;
  T *block, *merged;  ///< E, T

  template <class Work>
  static SymmetricBackward cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    auto const panel_size = tokens * static_cast<std::size_t>(shape.features);
    SymmetricBackward s{};
    s.head = PackedHead<T>::cut(work, shape);
    for (T** rows : {&s.rows, &s.gradient}) *rows = take(shape.rows_size());
    for (T** panels : {&s.panels, &s.values}) *panels = take(panel_size);
    for (T** vector : {&s.reciprocal, &s.g, &s.scaled}) *vector = take(tokens);
    for (T** block : {&s.block, &s.merged}) *block = take(shape.block_size());
    return s;
  }

  /// False, with nothing written, where the logits range too far for this form.
  bool run(T const* w, std::size_t stride, bool const* keys, T const* out, T const*, T const* sum, T const* dout,
           T* dw) const {
    HeadShape<T> const shape = head.shape;
    head.fill(w, stride, keys);
    auto const range = head.range();
    if (!range.narrow) return false;
    head.fill_values(range.reference);
    prepare(out, sum, dout, stride);
    std::fill_n(gradient, shape.rows_size(), T(0));
    for (int i = 0; i < shape.tokens; i += Tile::side)
      for (int j = i; j < shape.tokens; j += Tile::side) add_block(i, j);
    finish(w, stride, out, sum, dout, dw);
    return true;
  }

 private:
  void finish(T const* w, std::size_t stride, T const* out, T const* sum, T const* dout, T* dw) const {
    int const p = head.shape.features, whole = p / Tile::lanes * Tile::lanes;
    T const* others = gradient;
    for (int i = 0; i < head.shape.tokens; ++i, others += width()) {
      T const own = head.value[i] / sum[i], query = 2 * PackedHead<T>::scale(p) * difference(w, out, dout);
      V const of_own = simd::broadcast(own), of_query = simd::broadcast(query);
      for (int k = 0; k < whole; k += Tile::lanes) {
        V const inner = simd::fma(of_query, simd::load(w + k), simd::load(dout + k));
        simd::store(dw + k, simd::fma(of_own, inner, simd::load(others + k)));
      }
      for (int k = whole; k < p; ++k) dw[k] = std::fma(own, std::fma(query, w[k], dout[k]), others[k]);
      for (T const** row : {&w, &out, &dout}) *row += stride;
      dw += stride;
    }
  }

  std::ptrdiff_t width() const { return head.shape.width(); }

  void prepare(T const* out, T const* sum, T const* dout, std::size_t stride) const {
    HeadShape<T> const shape = head.shape;
    int const n = shape.tokens, padded = shape.computed_tokens();
    pack_rows(shape, dout, stride, rows);
    for (int i = 0; i < n; ++i) {
      T const* const o = out + static_cast<std::size_t>(i) * stride;
      T const* const d = dout + static_cast<std::size_t>(i) * stride;
      g[i] = dot(o, d);
      reciprocal[i] = 1 / sum[i];
    }
    std::fill(reciprocal + n, reciprocal + padded, T(0));
    std::fill(g + n, g + padded, T(0));
    auto const s = simd::broadcast(PackedHead<T>::scale(shape.features)), zero = simd::broadcast(T(0));
    for (int i = 0; i < padded; i += Tile::lanes) {
      simd::store(g + i, zero - simd::load(g + i) * simd::load(reciprocal + i));
      simd::store(scaled + i, s * simd::load(head.value + i));
    }
    scale_rows(shape, reciprocal, rows, rows);
    pack_panels<T>(shape, rows, T(1), nullptr, panels);
    pack_panels<T>(shape, head.rows, T(1), scaled, values);
  }

  /// d . (w - o)
  T difference(T const* w, T const* o, T const* d) const {
    int const p = head.shape.features, whole = p / Tile::lanes * Tile::lanes;
    V acc = simd::broadcast(T(0));
    for (int k = 0; k < whole; k += Tile::lanes)
      acc = simd::fma(simd::load(d + k), simd::load(w + k) - simd::load(o + k), acc);
    T sum = simd::sum<T>(acc);
    for (int k = whole; k < p; ++k) sum += d[k] * (w[k] - o[k]);
    return sum;
  }

  T dot(T const* a, T const* b) const {
    int const p = head.shape.features, whole = p / Tile::lanes * Tile::lanes;
    V acc = simd::broadcast(T(0));
    for (int k = 0; k < whole; k += Tile::lanes) acc = simd::fma(simd::load(a + k), simd::load(b + k), acc);
    T sum = simd::sum<T>(acc);
    for (int k = whole; k < p; ++k) sum += a[k] * b[k];
    return sum;
  }

  void add_block(int first_row, int first_column) const {
    int const n = head.shape.tokens, rows_here = std::min(Tile::side, n - first_row),
              columns = std::min(Tile::side, n - first_column);
    bool const diagonal = first_row == first_column, causal = head.shape.causal;
    for (int i = 0; i < rows_here; i += Tile::rows) {
      int const square = diagonal ? i / Tile::granule * Tile::granule : 0;
      for_tiles<T>(square, padded_to(Tile::lanes, columns), [&](auto vectors, int j) {
        fill_tile<vectors>(first_row + i, first_column + j, i, j, diagonal ? square + Tile::granule : 0);
      });
      if (!diagonal || !causal) continue;
      for (T* scores : {block, merged}) clear_margin(scores, i, square);
    }
    if (diagonal && causal) {
      add_gradient(Reading::beginning_rows, Reading::both, first_row, rows_here, first_column, columns);
    } else if (diagonal) {
      add_gradient(Reading::symmetric, Reading::symmetric, first_row, rows_here, first_column, columns);
    } else {
      add_gradient(Reading::rows, Reading::rows, first_row, rows_here, first_column, columns);
      add_gradient(causal ? Reading::nothing : Reading::columns, Reading::columns, first_column, columns, first_row,
                   rows_here);
    }
  }

  /// @param beyond  the columns before it belong to the diagonal
  template <int Columns>
  void fill_tile(int row, int column, int i, int j, int beyond) const {
    constexpr std::integral_constant<int, 1> one;
    constexpr std::integral_constant<int, Tile::panel> panel;
    int const features = head.shape.features;
    bool const causal = head.shape.causal;
    std::ptrdiff_t const at = static_cast<std::ptrdiff_t>(i) * Tile::leading + j;
    V acc[Tile::rows][Columns];
    KRATE_UNROLL
    for (int c = 0; c < Columns; ++c) {
      V const b = simd::load(head.minus_b + column + c * Tile::lanes);
      for (int r = 0; r < Tile::rows; ++r) acc[r][c] = b + simd::broadcast(head.minus_b[row + r]);
    }
    accumulate<Tile::rows, Columns, T>(acc, panel_at(head.panels, features, row), one, panel,
                                       panel_at(head.panels, features, column), panel, features);
    store_tile<Tile::rows, Columns, T>(acc, block + at);
    if (beyond > 0) drop_diagonal(block + at, i, j, Columns * Tile::lanes);
    KRATE_UNROLL
    for (int c = 0; c < Columns; ++c) {
      V const v = causal ? simd::broadcast(T(0)) : simd::load(scaled + column + c * Tile::lanes),
              gj = simd::load(g + column + c * Tile::lanes);
      for (int r = 0; r < Tile::rows; ++r)
        acc[r][c] = simd::fma(v, simd::broadcast(g[row + r]), gj * simd::broadcast(scaled[row + r]));
    }
    accumulate<Tile::rows, Columns, T>(acc, panel_at(panels, features, row), one, panel,
                                       panel_at(values, features, column), panel, causal ? 0 : features);
    accumulate<Tile::rows, Columns, T>(acc, panel_at(values, features, row), one, panel,
                                       panel_at(panels, features, column), panel, features);
    store_tile<Tile::rows, Columns, T>(acc, merged + at);
    to_powers<Columns>(at, i - j, beyond - j);
  }

  /// Logits of a tile to E, and the sums beside them to T. Not inlined: the tile's products need all registers.
  template <int Columns>
  [[gnu::noinline]] void to_powers(std::ptrdiff_t at, int below, int beyond) const {
    bool const causal = head.shape.causal;
    for (int r = 0; r < Tile::rows; ++r)
      for (int c = 0; c < Columns; ++c) {
        std::ptrdiff_t const to = at + r * Tile::leading + c * Tile::lanes;
        V e = simd::exp2<T>(simd::load(block + to));
        if (causal && c * Tile::lanes < beyond) e = e * lanes_from<T>(below + r - c * Tile::lanes);
        simd::store(block + to, e);
        simd::store(merged + to, e * simd::load(merged + to));
      }
  }

  /// dw_i += v_i sum_j E_ij dH_j + sum_j T_ij w_j
  void add_gradient(Reading of_e, Reading of_t, int first_row, int count, int first_column, int depth) const {
    BlockLeading<T> const leading;
    Block<T> const e{block, leading, of_e}, t{merged, leading, of_t};
    int const w = head.shape.width();
    for_result_columns<T>(w, [&](auto vectors, int first) {
      constexpr int columns = vectors, tile_rows = Tile::template result_rows<columns>;
      for (int i = 0; i < count; i += tile_rows) {
        T* const to = gradient + (first_row + i) * width() + first;
        V acc[tile_rows][columns];
        for (int r = 0; r < tile_rows; ++r)
          for (int c = 0; c < columns; ++c) acc[r][c] = simd::broadcast(T(0));
        e.template times<tile_rows, columns>(rows + first_column * width() + first, w, i, depth, acc);
        for (int r = 0; r < tile_rows; ++r) {
          V const v = simd::broadcast(head.value[first_row + i + r]);
          for (int c = 0; c < columns; ++c)
            acc[r][c] = simd::fma(acc[r][c], v, simd::load(to + r * w + c * Tile::lanes));
        }
        t.template times<tile_rows, columns>(head.rows + first_column * width() + first, w, i, depth, acc);
        for (int r = 0; r < tile_rows; ++r)
          for (int c = 0; c < columns; ++c) simd::store(to + r * w + c * Tile::lanes, acc[r][c]);
      }
    });
  }
};

}  // namespace krate::impl
