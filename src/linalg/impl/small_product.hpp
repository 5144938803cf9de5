// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of small matrices that are in the caches, with any number of rows. Host code only.
#pragma once

#include "linalg/impl/tile.hpp"

namespace krate::impl {

/// C [Rows, Units * tile_unit] = A B + (add ? C : 0), inner length `depth`.
template <int Rows, int Units>
inline void small_tile(TileLeft a, ConstTileRows b, TileRows c, int depth, bool add) {
  using V = simd::Vec<double>;
  constexpr int w = simd::width<double>, vectors = Units * tile_unit / w;
  V acc[Rows][vectors];
  KRATE_UNROLL
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < vectors; ++v)
      acc[i][v] = add ? simd::load(c.data + i * c.leading + v * w) : simd::broadcast(0.0);
  for (int k = 0; k < depth; ++k) {
    V row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = simd::load(b.data + k * b.leading + v * w);
    for (int i = 0; i < Rows; ++i) {
      V const x = simd::broadcast(a.data[i * a.row + k * a.inner]);
      for (int v = 0; v < vectors; ++v) acc[i][v] = simd::fma(x, row[v], acc[i][v]);
    }
  }
  KRATE_UNROLL
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < vectors; ++v) simd::store(c.data + i * c.leading + v * w, acc[i][v]);
}

template <int Units, int Rows = tile_unit>
inline void small_rows(int rows, TileLeft a, ConstTileRows b, TileRows c, int depth, bool add) {
  if (rows >= Rows) return small_tile<Rows, Units>(a, b, c, depth, add);
  if constexpr (Rows > 1) small_rows<Units, Rows - 1>(rows, a, b, c, depth, add);
}

/// C [rows, units * tile_unit] = A B + (add ? C : 0), inner length `depth`. Sums are in the order of the inner index.
inline void small_product(int rows, int units, TileLeft a, ConstTileRows b, TileRows c, int depth, bool add) {
  static_assert(tile_units == 3);
  for (int j = 0; j < units;) {
    int const left = units - j, wide = left == 4 || left < 3 ? std::min(left, 2) : 3;  // 4 is 2 + 2
    for (int i = 0; i < rows; i += tile_unit) {
      int const some = std::min(rows - i, tile_unit);
      TileLeft const from{a.data + i * a.row, a.row, a.inner};
      ConstTileRows const by{b.data + j * tile_unit, b.leading};
      TileRows const to{c.data + i * c.leading + j * tile_unit, c.leading};
      if (wide == 1) small_rows<1>(some, from, by, to, depth, add);
      if (wide == 2) small_rows<2>(some, from, by, to, depth, add);
      if (wide == 3) small_rows<3>(some, from, by, to, depth, add);
    }
    j += wide;
  }
}

}  // namespace krate::impl
