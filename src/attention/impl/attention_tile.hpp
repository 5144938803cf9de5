// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tiles that attention on hosts is made of. Host code only.
//
// Tokens stand in panels, transposed, so that a tile of scores streams through one panel and broadcasts from another:
//
//         panel 0      panel 1                 block of stored scores, side x side, rows `leading` apart
//      t0 t1 ... tm | tm+1 ...                       j ->
//   k0 x  x      x  | x                        i   [ D  .  .  . ]    upper: the scores of a pair of tokens,
//   k1 x  x      x  | x                        |   [    D  .  . ]           computed and stored once;
//   .. .            | .                        v   [       D  . ]    D: squares of `granule`, full;
//   kp x  x      x  | x                            [          D ]    lower: read as columns of the upper half.
//
// Where attention is causal, D keeps its upper half only, with a margin of zeros before it: a column then ends at its
// own row, and a row begins at its own column.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "core/impl/simd.hpp"

namespace krate::impl {

template <class T>
struct AttentionTile {
  static constexpr int lanes = simd::width<T>;
  static constexpr int rows = simd::registers >= 32 && lanes >= 8 ? 8 : 4;  ///< of a tile of scores
  static constexpr int vectors = lanes >= 4 ? 3 : 4;                        ///< of a tile of scores, at most
  static constexpr int panel = vectors * lanes;
  static constexpr int granule = lanes > rows ? lanes : rows;
  /// Tokens of a block: its rows and columns; a multiple of every tile's rows. About a third of a megabyte in float.
  static constexpr int side = 1152 / static_cast<int>(sizeof(T)) / panel * panel;
  static constexpr int leading = side + 64 / static_cast<int>(sizeof(T));  // an odd number of cache lines
  /// Rows of the result that one pass over a block makes, from tiles that are `columns` vectors wide.
  template <int Columns>
  static constexpr int result_rows = simd::registers >= 32 ? (Columns < 3    ? 12
                                                              : Columns == 3 ? 8
                                                                             : 6)
                                                           : (Columns == 1   ? 8
                                                              : Columns == 2 ? 6
                                                                             : 4);
  static constexpr int result_vectors = simd::registers >= 32 ? 4 : 3;
  static constexpr int result_granule = 24;                        ///< a multiple of all result_rows
  static constexpr int margin = (12 + lanes - 1) / lanes * lanes;  ///< no less than any result_rows
  static_assert(panel % rows == 0 && panel % granule == 0 && side % result_granule == 0);
};

inline constexpr int padded_to(int unit, int n) {
  return (n + unit - 1) / unit * unit;
}

/// acc += A B of inner length `depth`: A (i, k) is a[i * row + k * inner], rows of B lie `leading` apart.
template <int Rows, int Columns, class T, class Row, class Inner, class Leading>
KRATE_TILE_FUNCTION void accumulate(simd::Vec<T> (&acc)[Rows][Columns], T const* a, Row row, Inner inner, T const* b,
                                    Leading leading, int depth) {
  for (int k = 0; k < depth; ++k, a += inner, b += leading) {
    simd::Vec<T> right[Columns];
    for (int c = 0; c < Columns; ++c) right[c] = simd::load(b + c * simd::width<T>);
    for (int r = 0; r < Rows; ++r) {
      simd::Vec<T> const x = simd::broadcast(a[r * row]);
      for (int c = 0; c < Columns; ++c) acc[r][c] = simd::fma(x, right[c], acc[r][c]);
    }
  }
}

/// A tile to a block. What is not plain multiplying and adding goes on from there: sums that a loop reads by a variable
/// index would not stay in registers.
template <int Rows, int Columns, class T>
KRATE_TILE_FUNCTION void store_tile(simd::Vec<T> const (&acc)[Rows][Columns], T* to) {
  KRATE_UNROLL
  for (int r = 0; r < Rows; ++r)
    for (int c = 0; c < Columns; ++c) simd::store(to + r * AttentionTile<T>::leading + c * simd::width<T>, acc[r][c]);
}

/// 1 in the lanes at or after lane `first`, 0 before it.
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> lanes_from(int first) {
  constexpr auto numbers = [] {
    std::array<T, simd::width<T>> n{};
    for (int l = 0; l < simd::width<T>; ++l) n[static_cast<std::size_t>(l)] = static_cast<T>(l);
    return n;
  }();
  auto const zero = simd::broadcast(T(0));
  auto const past = simd::max(simd::load(numbers.data()) + simd::broadcast(static_cast<T>(1 - first)), zero);
  return zero - simd::max(zero - past, simd::broadcast(T(-1)));
}

/// Makes 2^x vanish on the diagonal of a tile of powers whose first row and column are i and j.
template <class T>
KRATE_TILE_FUNCTION void drop_diagonal(T* powers, int i, int j, int columns) {
  for (int r = std::max(0, j - i); r < std::min(AttentionTile<T>::rows, j + columns - i); ++r)
    powers[r * AttentionTile<T>::leading + i + r - j] = T(-10000);
}

/// Zeros in the margin before the squares of the diagonal, for one row of tiles.
template <class T>
KRATE_TILE_FUNCTION void clear_margin(T* block, int row, int square) {
  using Tile = AttentionTile<T>;
  for (int r = 0; r < Tile::rows; ++r) {
    T* const to = block + static_cast<std::ptrdiff_t>(row + r) * Tile::leading;
    std::fill(to + std::max(0, square - Tile::margin), to + square, T(0));
  }
}

/// Calls f(integral_constant<int, n>) for a run-time n in 1 ... Most.
template <int Most, class F>
KRATE_TILE_FUNCTION void with_vectors(int n, F const& f) {
  if constexpr (Most > 1) {
    if (n < Most) return with_vectors<Most - 1>(n, f);
  }
  f(std::integral_constant<int, Most>());
}

/// Walks columns begin ... end of a row of tiles, panel by panel: f(integral_constant of vectors, first column).
template <class T, class F>
KRATE_TILE_FUNCTION void for_tiles(int begin, int end, F const& f) {
  using Tile = AttentionTile<T>;
  for (int j = begin, next = 0; j < end; j = next) {
    next = std::min((j / Tile::panel + 1) * Tile::panel, end);
    with_vectors<Tile::vectors>((next - j) / Tile::lanes, [&](auto vectors) { f(vectors, j); });
  }
}

/// How a block stands to its result: its own transpose below the diagonal, as it is, or transposed; or, of upper
/// triangles only, columns down to the diagonal, rows from there on, or both (which counts the diagonal twice).
enum class Reading { symmetric, rows, columns, ending_columns, beginning_rows, both, nothing };

/// Scores whose rows lie `leading` (an integer or an integral_constant) apart.
template <class T, class Leading>
struct Scores {
  T const* data;
  Leading leading;
  Reading reading;
  /// Entries before `columns` are read down a column, those from `rows` on along the row.
  struct Split {
    int columns, rows;
  };
  Split split(int row, int count, int depth) const {
    constexpr int granule = AttentionTile<T>::granule;
    int const next = row + count, end = std::min(next, depth), square = std::min((next - 1) / granule * granule, depth);
    switch (reading) {
      case Reading::symmetric:
        return {square, square};
      case Reading::rows:
        return {0, 0};
      case Reading::columns:
        return {depth, depth};
      case Reading::ending_columns:
        return {end, depth};
      case Reading::beginning_rows:
        return {0, row};
      case Reading::both:
        return {end, row};
      case Reading::nothing:
        break;
    }
    return {0, depth};
  }
  template <int Rows, int Columns>
  KRATE_TILE_FUNCTION void times(T const* right, int width, int i, int depth,
                                 simd::Vec<T> (&acc)[Rows][Columns]) const {
    constexpr std::integral_constant<int, 1> one;
    Split const at = split(i, Rows, depth);
    accumulate<Rows, Columns, T>(acc, data + i, one, leading, right, width, at.columns);
    accumulate<Rows, Columns, T>(acc, data + static_cast<std::ptrdiff_t>(i) * leading + at.rows, leading, one,
                                 right + static_cast<std::ptrdiff_t>(at.rows) * width, width, depth - at.rows);
  }
};
template <class T>
using BlockLeading = std::integral_constant<int, AttentionTile<T>::leading>;
template <class T>
using Block = Scores<T, BlockLeading<T>>;

/// f(integral_constant of vectors, first column) for groups of columns of a result `width` wide.
template <class T, class F>
KRATE_TILE_FUNCTION void for_result_columns(int width, F const& f) {
  using Tile = AttentionTile<T>;
  int const vectors = width / Tile::lanes, groups = (vectors + Tile::result_vectors - 1) / Tile::result_vectors;
  for (int g = 0, at = 0; g < groups; ++g) {
    int const next = vectors * (g + 1) / groups;
    with_vectors<Tile::result_vectors>(next - at, [&](auto count) { f(count, at * Tile::lanes); });
    at = next;
  }
}

/// result_i += sum_j E_ij right_j, i in 0 ... count, j in 0 ... depth; rows of both are `width` long.
template <class T, class Leading>
void add_smoothed(Scores<T, Leading> const& e, int count, int depth, T const* right, int width, T* result) {
  using Tile = AttentionTile<T>;
  for_result_columns<T>(width, [&](auto vectors, int first) {
    constexpr int columns = vectors, rows = Tile::template result_rows<columns>;
    for (int i = 0; i < count; i += rows) {
      T* const to = result + static_cast<std::ptrdiff_t>(i) * width + first;
      simd::Vec<T> acc[rows][columns];
      for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) acc[r][c] = simd::load(to + r * width + c * Tile::lanes);
      e.template times<rows, columns>(right + first, width, i, depth, acc);
      for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) simd::store(to + r * width + c * Tile::lanes, acc[r][c]);
    }
  });
}

}  // namespace krate::impl
