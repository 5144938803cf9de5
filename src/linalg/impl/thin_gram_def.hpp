// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/thin_decl.hpp"
#include "linalg/impl/column_dots.hpp"
#include "linalg/impl/thin_rows.hpp"
#include "linalg/impl/tile_triangle.hpp"

namespace krate::impl {

/// One team a chunk of rows: the lower triangle of its z^T z, in tiles.
template <class Space, class T>
struct ThinGramChunk {
  ConstStrided<T, Space> z;
  Vector<double, Space> partial;  ///< [chunks, padded, padded]
  std::int64_t chunk_rows;
  int padded;

  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const chunk = team.league_rank(), begin = chunk * chunk_rows, rows = z.extent(0);
    std::int64_t const end = begin + chunk_rows < rows ? begin + chunk_rows : rows;
    double* const g = partial.data() + chunk * padded * padded;
    if constexpr (is_device<Space>) {
      by_team(team, begin, end, g);
    } else {
      KOKKOS_IF_ON_HOST((by_thread(begin, end, g);))
    }
  }

  KOKKOS_FUNCTION void by_team(RowMember<Space> const& team, std::int64_t begin, std::int64_t end, double* g) const {
    int const columns = static_cast<int>(z.extent(1));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, columns * (columns + 1) / 2), [&](int pair) {
      int i = 0, j = pair;
      while (j > i) j -= ++i;
      double sum = 0;
      for (std::int64_t r = begin; r < end; ++r) sum += static_cast<double>(z(r, i)) * static_cast<double>(z(r, j));
      g[i * padded + j] = sum;
    });
  }

  /// A block of rows comes into the first cache and serves all tiles of the triangle, while the next one is fetched.
  void by_thread(std::int64_t begin, std::int64_t end, double* g) const {
    ThinRows<Space, T const> const source(z);
    if constexpr (ThinRows<Space, T>::is_double)
      if (source.by_columns() && ColumnDots::fits(source.columns)) {
        Columns const columns{source.at(begin, 0), static_cast<std::ptrdiff_t>(z.stride(1)), source.columns};
        return ColumnDots::run(columns, end - begin, g, padded);
      }
    alignas(64) double buffer[thin_block] = {};
    int const units = padded / tile_unit;
    constexpr bool by_rotations = tile_rotates;
    std::int64_t next = begin;
    for (std::int64_t r = begin; r < end; r = next) {
      next = std::min(r + source.block_rows(), end);
      int const depth = static_cast<int>(next - r);
      ConstTileRows const b = source.block(r, depth, buffer);
      int pass = 0;
      auto const ahead = [&] {  // each pass fetches a unit; there is one pass only over two
        return [&, unit = pass++ % units, both = by_rotations && units == 2](int k) {
          simd::prefetch(source.line(next, unit, k));
          if (both) simd::prefetch(source.line(next, 1, k));
        };
      };
      for (int i = 0; i < units; ++i) {
        int const diagonal = by_rotations ? i / 2 * 2 : i + 1;  // where blocks on the diagonal begin
        for (int j = 0; j < diagonal; j += tile_units)
          tile_product(std::min(tile_units, diagonal - j), TileLeft{b.data + i * tile_unit, 1, b.leading},
                       ConstTileRows{b.data + j * tile_unit, b.leading}, unit_of(g, i, j), depth, r > begin, ahead());
        if (!by_rotations || i % 2 == 1) continue;
        ConstTileRows const own{b.data + i * tile_unit, b.leading};
        if (i + 1 < units) {
          TileTriangle::two(own, unit_of(g, i, i), depth, r > begin, ahead());
        } else {
          TileTriangle::one(own, unit_of(g, i, i), depth, r > begin, ahead());
        }
      }
    }
    if constexpr (by_rotations)
      for (int i = 0; i < units; ++i) TileTriangle::ordered(unit_of(g, i, i));
  }

  TileRows unit_of(double* g, int i, int j) const { return {g + (i * padded + j) * tile_unit, padded}; }
};

/// One team a row of the triangle: chunks are added in their order.
template <class Space>
struct SumThinChunks {
  Vector<double, Space> partial;
  std::int64_t count;
  int padded;
  double alpha, beta;
  Matrix<double, Space> g;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const i = static_cast<int>(team.league_rank());
    double* const sum = partial.data() + i * padded;
    for (std::int64_t chunk = 1; chunk < count; ++chunk) {
      double const* const term = sum + chunk * padded * padded;
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, i + 1), [&](int j) { sum[j] += term[j]; });
    }
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, i + 1), [&](int j) {
      double const value = beta == 0 ? alpha * sum[j] : alpha * sum[j] + beta * g(i, j);
      g(i, j) = value;
      g(j, i) = value;
    });
  }
};

template <class Space, class T>
void ThinGram<Space, T>::run(Space const& space, double alpha, ConstStrided<T, Space> z, double beta,
                             Vector<double, Space> partial, Matrix<double, Space> g) {
  ThinChunks const chunks(z.extent(0));
  int const padded = tile_padded(static_cast<int>(z.extent(1)));
  Kokkos::parallel_for(KRATE_LABEL("krate::thin_gram"), rows(space, chunks.count),
                       ThinGramChunk<Space, T>{z, partial, static_cast<std::int64_t>(chunks.rows), padded});
  Kokkos::parallel_for(KRATE_LABEL("krate::thin_gram::sum"), rows(space, z.extent(1)),
                       SumThinChunks<Space>{partial, static_cast<std::int64_t>(chunks.count), padded, alpha, beta, g});
}

}  // namespace krate::impl
