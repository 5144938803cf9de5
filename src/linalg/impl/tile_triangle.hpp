// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks on the diagonal of a Gram matrix A^T A, in registers: a row times itself, rotated by 0, 1, ... half of the
// lanes, has every pair of a unit of columns (those half apart twice). That is little more than half the products.
//
//   rotation 0:  00 11 22 33        rotation 1:  01 12 23 30        rotation 2:  02 13 20 31      (4 lanes)
//
// Host code only.
#pragma once

#include "linalg/impl/tile.hpp"

namespace krate::impl {

/// A register holds a unit of columns, as the rotations want.
inline constexpr bool tile_rotates = simd::width<double> == tile_unit;

class TileTriangle {
 public:
  /// Lower triangle of C [tile_unit, tile_unit], as rotations in its first rows until ordered() is called.
  template <class Ahead>
  KRATE_TILE_FUNCTION static void one(ConstTileRows a, TileRows c, int depth, bool add, Ahead const& ahead) {
    V sum[count];
    start(sum, c, add);
    for (int k = 0; k < depth; ++k) {
      ahead(k);
      V const x = simd::load(a.data + k * a.leading);
      V turned[count];
      simd::rotate<double>(x, turned);
      for (int r = 0; r < count; ++r) sum[r] = simd::fma(x, turned[r], sum[r]);
    }
    store(sum, c);
  }

  /// The same of two neighbouring units at once: C [2 tile_unit, 2 tile_unit], whose block below the diagonal is final.
  template <class Ahead>
  KRATE_TILE_FUNCTION static void two(ConstTileRows a, TileRows c, int depth, bool add, Ahead const& ahead) {
    TileRows const below{c.data + w * c.leading, c.leading}, corner{below.data + w, c.leading};
    V first[count], second[count], cross[w];
    start(first, c, add);
    start(second, corner, add);
    start(cross, below, add);
    for (int k = 0; k < depth; ++k) {
      ahead(k);
      double const* const row = a.data + k * a.leading;
      V const x = simd::load(row), y = simd::load(row + w);
      for (int i = 0; i < w; ++i) cross[i] = simd::fma(simd::broadcast(row[w + i]), x, cross[i]);
      V turned[count];
      simd::rotate<double>(x, turned);
      for (int r = 0; r < count; ++r) first[r] = simd::fma(x, turned[r], first[r]);
      simd::rotate<double>(y, turned);
      for (int r = 0; r < count; ++r) second[r] = simd::fma(y, turned[r], second[r]);
    }
    store(first, c);
    store(second, corner);
    store(cross, below);
  }

  /// From rotations to the lower triangle, in place.
  static void ordered(TileRows c) {
    double rotation[count][w];
    for (int k = 0; k < count; ++k)
      for (int i = 0; i < w; ++i) rotation[k][i] = c.data[k * c.leading + i];
    for (int i = 0; i < w; ++i)
      for (int j = 0; j <= i; ++j)
        c.data[i * c.leading + j] = i - j < count ? rotation[i - j][j] : rotation[w - (i - j)][i];
  }

 private:
  using V = simd::Vec<double>;
  static constexpr int w = simd::width<double>, count = w / 2 + 1;

  template <int Rows>
  KRATE_TILE_FUNCTION static void start(V (&sum)[Rows], TileRows c, bool add) {
    for (int i = 0; i < Rows; ++i) sum[i] = add ? simd::load(c.data + i * c.leading) : simd::broadcast(0.0);
  }
  template <int Rows>
  KRATE_TILE_FUNCTION static void store(V const (&sum)[Rows], TileRows c) {
    for (int i = 0; i < Rows; ++i) simd::store(c.data + i * c.leading, sum[i]);
  }
};

}  // namespace krate::impl
