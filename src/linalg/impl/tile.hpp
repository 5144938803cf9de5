// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The product that host kernels of small sides are made of, in registers. Host code only.
#pragma once

#include <algorithm>

#include "core/impl/simd.hpp"

namespace krate::impl {

/// Sides of tiles are multiples of this.
inline constexpr int tile_unit = simd::width<double> > 4 ? simd::width<double> : 4;
/// Widest tile, in units: with its broadcasts and loads it fills the 32 (AVX2: 16) registers.
inline constexpr int tile_units = 3;

/// The next multiple of the unit.
inline constexpr int tile_padded(int n) {
  return (n + tile_unit - 1) / tile_unit * tile_unit;
}

/// Entry (i, k) of the left factor is data[i * row + k * inner].
struct TileLeft {
  double const* data;
  std::ptrdiff_t row, inner;
};
/// Rows of the right factor, and those of the result, are contiguous.
struct TileRows {
  double* data;
  std::ptrdiff_t leading;
};
struct ConstTileRows {
  double const* data;
  std::ptrdiff_t leading;
};

/// C [tile_unit, Units * tile_unit] = A B + (add ? C : 0), inner length `depth`. `ahead(k)` is called for each k.
template <int Units, class Ahead>
KRATE_TILE_FUNCTION void tile_product(TileLeft a, ConstTileRows b, TileRows c, int depth, bool add,
                                      Ahead const& ahead) {
  using V = simd::Vec<double>;
  constexpr int w = simd::width<double>, vectors = Units * tile_unit / w;
  V acc[tile_unit][vectors];
  KRATE_UNROLL
  for (int i = 0; i < tile_unit; ++i)
    for (int v = 0; v < vectors; ++v)
      acc[i][v] = add ? simd::load(c.data + i * c.leading + v * w) : simd::broadcast(0.0);
  for (int k = 0; k < depth; ++k) {
    ahead(k);
    V row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = simd::load(b.data + k * b.leading + v * w);
    for (int i = 0; i < tile_unit; ++i) {
      V const x = simd::broadcast(a.data[i * a.row + k * a.inner]);
      for (int v = 0; v < vectors; ++v) acc[i][v] = simd::fma(x, row[v], acc[i][v]);
    }
  }
  KRATE_UNROLL
  for (int i = 0; i < tile_unit; ++i)
    for (int v = 0; v < vectors; ++v) simd::store(c.data + i * c.leading + v * w, acc[i][v]);
}

/// The same for up to tile_units units of columns.
template <class Ahead>
KRATE_TILE_FUNCTION void tile_product(int units, TileLeft a, ConstTileRows b, TileRows c, int depth, bool add,
                                      Ahead const& ahead) {
  static_assert(tile_units == 3);
  if (units == 1) {
    tile_product<1>(a, b, c, depth, add, ahead);
  } else if (units == 2) {
    tile_product<2>(a, b, c, depth, add, ahead);
  } else {
    tile_product<3>(a, b, c, depth, add, ahead);
  }
}

}  // namespace krate::impl
