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
  static constexpr int most = 64;
  /// Where this form is the better choice.
  static bool fits(int columns) { return columns >= side && columns <= most; }

  /// g(i, j) = sum over the rows of z(r, i) z(r, j) for j <= i, g with rows of `leading` numbers.
  static void run(Columns const& z, std::int64_t rows, double* g, int leading) {
    ColumnDots dots(z);
    std::int64_t const whole = rows / w * w;
    for (std::int64_t r = 0; r < whole; r += dots.block) dots.add(r, static_cast<int>(std::min(dots.block, whole - r)));
    dots.write(g, leading);
    for (std::int64_t r = whole; r < rows; ++r)
      for (int i = 0; i < z.count; ++i)
        for (int j = 0; j <= i; ++j) g[i * leading + j] += z.at(i)[r] * z.at(j)[r];
  }

 private:
  using V = simd::Vec<double>;
  static constexpr int w = simd::width<double>, groups_most = (most + side - 1) / side;
  /// Groups that meet each other group of columns while it is in the first cache.
  static constexpr int near = 4;
  /// Sums of a tile, which registers hold as vectors: numbers, of which the second cache has fewer to bring.
  static constexpr int numbers = (side * side + w - 1) / w * w;
  using Tile = double[numbers];

  /// What a visit of a tile fetches for later: stretches of columns, a line of each at a time.
  struct Ahead {
    double const* data;
    std::ptrdiff_t leading;
    int count;  ///< none if not above 0
    KRATE_TILE_FUNCTION void operator()(int k) const {
      double const* line = data + k;
      for (int c = 0; c < count; ++c, line += leading) simd::prefetch(line);
    }
  };

  explicit ColumnDots(Columns const& columns)
      : z(columns),
        groups((columns.count + side - 1) / side),
        block(columns.count > 8 ? 128 : 64),
        stretch(columns.count > 16 ? 4 : 1),
        distance(stretch > 1 ? block * stretch : 2048 / columns.count) {
    for (int i = 0; i < groups * (groups + 1) / 2; ++i)
      for (double& sum : sums[i]) sum = 0;
  }

  /// The last group overlaps the one before it rather than end beyond the last column.
  int first_of(int group) const { return std::min(group * side, z.count - side); }

  Tile& tile(int i, int j) { return sums[i * (i + 1) / 2 + j]; }

  void add(std::int64_t begin, int rows) {
    int const visits = groups * (groups - 1) / 2 + (groups + 1) / 2, fetched = (z.count + visits - 1) / visits;
    std::int64_t const start = begin / (block * stretch) * (block * stretch) + distance;
    int slot = static_cast<int>(begin / block % stretch) * visits * fetched;
    auto const ahead = [&] {
      Ahead const next{z.at(slot / stretch) + start + slot % stretch * block, stretch > 1 ? block : z.leading,
                       std::min(fetched, z.count * stretch - slot)};
      slot += fetched;
      return next;
    };
    double const* at[groups_most];
    for (int i = 0; i < groups; ++i) at[i] = z.at(first_of(i)) + begin;
    for (int i = 0; i < groups; i += near) {
      int const end = std::min(i + near, groups);
      for (int j = 0; j < i; ++j)
        for (int x = i; x < end; ++x) add_tile(tile(x, j), at[x], at[j], rows, ahead());
      for (int x = i; x < end; ++x) {
        for (int j = i; j < x; ++j) add_tile(tile(x, j), at[x], at[j], rows, ahead());
        if (x % 2 == 1) {
          add_diagonals(tile(x - 1, x - 1), tile(x, x), at[x - 1], at[x], rows, ahead());
        } else if (x + 1 == groups) {
          add_tile(tile(x, x), at[x], at[x], rows, ahead());
        }
      }
    }
  }

  KRATE_TILE_FUNCTION void add_tile(Tile& sum, double const* a, double const* b, int rows, Ahead const& ahead) const {
    V acc[numbers];
    for (V& x : acc) x = simd::broadcast(0.0);
    for (int k = 0; k < rows; k += w) {
      ahead(k);
      V y[side];
      for (int j = 0; j < side; ++j) y[j] = simd::kept<double>(simd::load(b + j * z.leading + k));
      for (int i = 0; i < side; ++i) {
        V const x = simd::kept<double>(simd::load(a + i * z.leading + k));
        for (int j = 0; j < side; ++j) acc[i * side + j] = simd::fma(x, y[j], acc[i * side + j]);
      }
    }
    keep(sum, acc);
  }

  KRATE_TILE_FUNCTION static void keep(Tile& sum, V const (&acc)[numbers]) {
    for (int n = 0; n < numbers; n += w) {
      V lanes[w];
      for (int i = 0; i < w; ++i) lanes[i] = acc[n + i];
      simd::store(sum + n, simd::load(sum + n) + simd::sums<double>(lanes));
    }
  }

  template <class Body>
  KRATE_TILE_FUNCTION static void of_lower(Body const& body) {
    KRATE_UNROLL
    for (int i = 0; i < side; ++i) {
      KRATE_UNROLL
      for (int j = 0; j <= i; ++j) body(i, j);
    }
  }

  /// The lower triangles of two tiles on the diagonal: together they fill the registers as one whole tile does.
  KRATE_TILE_FUNCTION void add_diagonals(Tile& first, Tile& second, double const* a, double const* b, int rows,
                                         Ahead const& ahead) const {
    V one[numbers], two[numbers];
    for (int i = 0; i < numbers; ++i) one[i] = two[i] = simd::broadcast(0.0);
    for (int k = 0; k < rows; k += w) {
      ahead(k);
      V x[side];
      for (int i = 0; i < side; ++i) x[i] = simd::kept<double>(simd::load(a + i * z.leading + k));
      of_lower([&](int i, int j) { one[i * side + j] = simd::fma(x[i], x[j], one[i * side + j]); });
      for (int i = 0; i < side; ++i) x[i] = simd::kept<double>(simd::load(b + i * z.leading + k));
      of_lower([&](int i, int j) { two[i * side + j] = simd::fma(x[i], x[j], two[i * side + j]); });
    }
    keep(first, one);
    keep(second, two);
  }

  void write(double* g, int leading) const {
    int tile = 0;
    for (int i = 0; i < groups; ++i)
      for (int j = 0; j <= i; ++j, ++tile)
        for (int x = 0; x < side; ++x)
          for (int y = 0; y < side; ++y) {
            int const row = first_of(i) + x, column = first_of(j) + y;
            if (column <= row) g[row * leading + column] = sums[tile][x * side + y];
          }
  }

  Columns z;
  int groups;
  std::int64_t block;     ///< rows that serve all tiles from the first cache, or the second where columns are many
  int stretch;            ///< blocks of a column fetched one after the other: where columns are many, memory likes it
  std::int64_t distance;  ///< from the rows at work to those being fetched
  Tile sums[groups_most * (groups_most + 1) / 2];
};

}  // namespace krate::impl
