// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/thin_decl.hpp"
#include "linalg/impl/thin_rows.hpp"

namespace krate::impl {

/// One team a chunk of rows.
template <class Space, class T>
struct ThinProductChunk {
  ConstStrided<T, Space> z;
  ConstMatrix<double, Space> m;
  Strided<T, Space> out;
  double alpha;
  std::int64_t chunk_rows;

  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const begin = team.league_rank() * chunk_rows, rows = z.extent(0);
    std::int64_t const end = begin + chunk_rows < rows ? begin + chunk_rows : rows;
    if constexpr (is_device<Space>) {
      by_team(team, begin, end);
    } else {
      KOKKOS_IF_ON_HOST((by_thread(begin, end);))
    }
  }

  KOKKOS_FUNCTION void by_team(RowMember<Space> const& team, std::int64_t begin, std::int64_t end) const {
    int const columns = static_cast<int>(z.extent(1));
    bool const by_columns = z.stride(0) == 1;  // neighbours in memory go to neighbours in the team
    int const count = static_cast<int>(end - begin);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, count * columns), [&](int e) {
      std::int64_t const r = begin + (by_columns ? e % count : e / columns);
      int const j = by_columns ? e / count : e % columns;
      double sum = 0;
      for (int k = 0; k < columns; ++k) sum += static_cast<double>(z(r, k)) * m(k, j);
      out(r, j) = static_cast<T>(alpha * sum);
    });
  }

  void by_thread(std::int64_t begin, std::int64_t end) const {
    alignas(64) double factor[64 * 64], in[thin_block] = {}, result[thin_block];
    ThinRows<Space, T const> const source(z);
    ThinRows<Space, T> const target(out);
    int const columns = source.columns, padded = source.padded;
    for (int i = 0; i < padded; ++i)
      for (int j = 0; j < padded; ++j) factor[i * padded + j] = i < columns && j < columns ? alpha * m(i, j) : 0.0;
    bool const exact = ThinRows<Space, T>::is_double && columns == padded;
    bool const by_rows = exact && source.by_rows() && target.by_rows();
    bool const by_columns = exact && source.by_columns() && target.by_columns();
    std::int64_t next = begin;
    for (std::int64_t r = begin; r < end; r = next) {
      next = std::min(r + source.block_rows(), end);
      int const count = static_cast<int>(next - r), tiles = (count + tile_unit - 1) / tile_unit;
      if constexpr (ThinRows<Space, T>::is_double) {
        if (count % tile_unit == 0 && by_rows) {
          multiply_rows(factor, padded, tiles, {source.at(r, 0), stride(z, 0)}, {target.at(r, 0), stride(out, 0)},
                        [&](int unit, int k) { simd::prefetch(source.line(next, unit, k)); });
          continue;
        }
        if (count % tile_unit == 0 && by_columns) {
          multiply_columns(factor, padded, tiles, {source.at(r, 0), stride(z, 1)}, {target.at(r, 0), stride(out, 1)},
                           [&](int unit, int k) { simd::prefetch(source.line(next, unit, k)); });
          continue;
        }
      }
      source.pack(r, count, in);
      multiply_rows(factor, padded, tiles, {in, padded}, {result, padded}, [](int, int) {});
      target.unpack(result, r, count);
    }
  }

 private:
  template <class V>
  static std::ptrdiff_t stride(V const& v, int axis) {
    return static_cast<std::ptrdiff_t>(v.stride(axis));
  }

  /// Rows of z are the left factor. `ahead(unit, row)` is called for each row and each unit of its columns.
  template <class Ahead>
  static void multiply_rows(double const* factor, int padded, int tiles, ConstTileRows in, TileRows to,
                            Ahead const& ahead) {
    int const units = padded / tile_unit;
    for (int j = 0; j < units; j += tile_units)
      for (int i = 0; i < tiles; ++i) {
        if (j == 0)
          for (int k = 0; k < tile_unit; ++k)
            for (int unit = 0; unit < units; ++unit) ahead(unit, i * tile_unit + k);
        tile_product(std::min(tile_units, units - j), TileLeft{in.data + i * tile_unit * in.leading, in.leading, 1},
                     ConstTileRows{factor + j * tile_unit, padded},
                     TileRows{to.data + i * tile_unit * to.leading + j * tile_unit, to.leading}, padded, false,
                     [](int) {});
      }
  }

  /// The transpose: columns of z are the right factor.
  template <class Ahead>
  static void multiply_columns(double const* factor, int padded, int tiles, ConstTileRows in, TileRows to,
                               Ahead const& ahead) {
    int const units = padded / tile_unit;
    for (int i = 0; i < tiles; i += tile_units)
      for (int j = 0; j < units; ++j) {
        for (int k = 0; k < std::min(tile_units, tiles - i) * tile_unit; ++k) ahead(j, i * tile_unit + k);
        tile_product(std::min(tile_units, tiles - i), TileLeft{factor + j * tile_unit, 1, padded},
                     ConstTileRows{in.data + i * tile_unit, in.leading},
                     TileRows{to.data + j * tile_unit * to.leading + i * tile_unit, to.leading}, padded, false,
                     [](int) {});
      }
  }
};

template <class Space, class T>
void ThinProduct<Space, T>::run(Space const& space, double alpha, ConstStrided<T, Space> z,
                                ConstMatrix<double, Space> m, Strided<T, Space> out) {
  ThinChunks const chunks(z.extent(0));
  Kokkos::parallel_for(KRATE_LABEL("krate::thin_product"), rows(space, chunks.count),
                       ThinProductChunk<Space, T>{z, m, out, alpha, static_cast<std::int64_t>(chunks.rows)});
}

}  // namespace krate::impl
