// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// z^T z of a few columns that are contiguous each: a vector of rows times one of another column, summed lane by lane.
// Nothing is transposed, as tiles of broadcasts would ask for. Host code only.
#pragma once

#include <algorithm>

#include "core/impl/simd.hpp"

namespace krate::impl {

/// Columns of z: column j begins at data + j * leading.
struct Columns {
  double const* data;
  std::ptrdiff_t leading;
  int count;
  double const* at(int j) const { return data + j * leading; }
};

class ColumnDots {
 public:
  /// A tile takes `side` columns by `side`; its sums and operands fill the registers.
  static constexpr int side = simd::registers >= 32 ? 4 : 3;
  static constexpr int most = 32;
  /// Where this form is the better choice.
  static bool fits(int columns) { return columns >= side && columns <= most; }

  /// g(i, j) = sum over the rows of z(r, i) z(r, j) for j <= i, g with rows of `leading` numbers.
  static void run(Columns const& z, std::int64_t rows, double* g, int leading) {
    ColumnDots dots(z);
    std::int64_t const whole = rows / w * w;
    for (std::int64_t r = 0; r < whole; r += block) dots.add(r, static_cast<int>(std::min(block, whole - r)));
    dots.write(g, leading);
    for (std::int64_t r = whole; r < rows; ++r)
      for (int i = 0; i < z.count; ++i)
        for (int j = 0; j <= i; ++j) g[i * leading + j] += z.at(i)[r] * z.at(j)[r];
  }

 private:
  using V = simd::Vec<double>;
  static constexpr int w = simd::width<double>, groups_most = (most + side - 1) / side;
  /// Rows that come into the first cache together and serve all tiles, while the next ones are fetched.
  static constexpr std::int64_t block = 64;

  explicit ColumnDots(Columns const& columns) : z(columns), groups((columns.count + side - 1) / side) {
    for (int tile = 0; tile < groups * (groups + 1) / 2; ++tile)
      for (auto& row : sums[tile])
        for (auto& sum : row) sum = simd::broadcast(0.0);
  }

  /// The last group overlaps the one before it rather than end beyond the last column.
  int first_of(int group) const { return std::min(group * side, z.count - side); }

  void add(std::int64_t begin, int rows) {
    int const tiles = groups * (groups + 1) / 2, fetched = (z.count + tiles - 1) / tiles;
    int tile = 0;
    for (int i = 0; i < groups; ++i)
      for (int j = 0; j <= i; ++j, ++tile) {
        int const next = tile * fetched, last = std::min(next + fetched, z.count);
        add_tile(sums[tile], z.at(first_of(i)) + begin, z.at(first_of(j)) + begin, rows, [&](int k) {
          for (int c = next; c < last; ++c) simd::prefetch(z.at(c) + begin + block + k);
        });
      }
  }

  template <class Ahead>
  KRATE_TILE_FUNCTION void add_tile(V (&sum)[side][side], double const* a, double const* b, int rows,
                                    Ahead const& ahead) const {
    V acc[side][side];
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) acc[i][j] = sum[i][j];
    for (int k = 0; k < rows; k += w) {
      ahead(k);
      V y[side];
      for (int j = 0; j < side; ++j) y[j] = simd::kept<double>(simd::load(b + j * z.leading + k));
      for (int i = 0; i < side; ++i) {
        V const x = simd::kept<double>(simd::load(a + i * z.leading + k));
        for (int j = 0; j < side; ++j) acc[i][j] = simd::fma(x, y[j], acc[i][j]);
      }
    }
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) sum[i][j] = acc[i][j];
  }

  void write(double* g, int leading) const {
    int tile = 0;
    for (int i = 0; i < groups; ++i)
      for (int j = 0; j <= i; ++j, ++tile)
        for (int x = 0; x < side; ++x)
          for (int y = 0; y < side; ++y) {
            int const row = first_of(i) + x, column = first_of(j) + y;
            if (column <= row) g[row * leading + column] = simd::sum<double>(sums[tile][x][y]);
          }
  }

  Columns z;
  int groups;
  V sums[groups_most * (groups_most + 1) / 2][side][side];
};

}  // namespace krate::impl
