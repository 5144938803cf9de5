// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of rows as tiles need them: double, contiguous, padded with zeros; in place where the matrix is so already.
// Host code only.
#pragma once

#include "krate/core/types.hpp"
#include "linalg/impl/tile.hpp"

namespace krate::impl {

/// Numbers of a block: two of them fit into the first cache.
inline constexpr int thin_block = 2048;

/// to(i, j) = from(i, j), along the memory of the View of the two.
template <class Visit>
KRATE_TILE_FUNCTION void for_each_entry(int rows, int columns, bool by_rows, Visit const& visit) {
  if (by_rows) {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) visit(i, j);
  } else {
    for (int j = 0; j < columns; ++j)
      for (int i = 0; i < rows; ++i) visit(i, j);
  }
}

/// @tparam T  scalar of the matrix, const where it is only read
template <class Space, class T>
struct ThinRows {
  Strided<T, Space> z;
  int columns, padded;

  explicit ThinRows(Strided<T, Space> const& view)
      : z(view), columns(static_cast<int>(view.extent(1))), padded(tile_padded(columns)) {}

  static constexpr bool is_double = std::is_same_v<std::remove_const_t<T>, double>;
  bool by_rows() const { return z.stride(1) == 1; }
  bool by_columns() const { return z.stride(0) == 1; }
  int block_rows() const { return thin_block / padded / tile_unit * tile_unit; }
  T* at(std::int64_t i, std::int64_t j) const {
    return z.data() + i * static_cast<std::int64_t>(z.stride(0)) + j * static_cast<std::int64_t>(z.stride(1));
  }

  /// @param buffer  thin_block zeros at first, or what an earlier call left
  ConstTileRows block(std::int64_t begin, int count, double* buffer) const {
    if constexpr (is_double)
      if (by_rows() && columns == padded) return {at(begin, 0), static_cast<std::ptrdiff_t>(z.stride(0))};
    pack(begin, count, buffer);
    return {buffer, padded};
  }

  void pack(std::int64_t begin, int count, double* buffer) const {
    int rows = 0;  // done by registers
    int const whole = columns / tile_unit * tile_unit;
    if constexpr (is_double && simd::width<double> == tile_unit)
      if (by_columns())
        for (; rows + tile_unit <= count; rows += tile_unit)
          for (int j = 0; j < whole; j += tile_unit) {
            simd::Vec<double> v[tile_unit];
            for (int e = 0; e < tile_unit; ++e) v[e] = simd::load<double>(at(begin + rows, j + e));
            simd::transpose<double>(v);
            for (int e = 0; e < tile_unit; ++e) simd::store(buffer + (rows + e) * padded + j, v[e]);
          }
    auto const copy = [&](int first_row, int first, int last_row, int last) {
      for_each_entry(last_row - first_row, last - first, !by_columns(), [&](int i, int j) {
        buffer[(first_row + i) * padded + first + j] = static_cast<double>(*at(begin + first_row + i, first + j));
      });
    };
    if (rows > 0) copy(0, whole, rows, columns);
    copy(rows, 0, count, columns);
  }

  void unpack(double const* buffer, std::int64_t begin, int count) const {
    for_each_entry(count, columns, !by_columns(),
                   [&](int i, int j) { *at(begin + i, j) = static_cast<T>(buffer[i * padded + j]); });
  }

  /// The cache lines of the block from row `next` on are those of all `k` below its rows, for each unit of columns.
  T const* line(std::int64_t next, int unit, int k) const {
    return by_rows() ? at(next + k, unit * tile_unit)
                     : at(next + k / tile_unit * tile_unit, unit * tile_unit + k % tile_unit);
  }
};

}  // namespace krate::impl
