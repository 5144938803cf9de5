// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rates of classes of float samples on a host with BLAS: long products in float, pieces of sums and factors in double.
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/class_blocks.hpp"
#include "rate/impl/float_rate.hpp"
#include "rate/impl/sort_by_class.hpp"

namespace krate::impl {

/// The memory of the sorted rows, as float: once the rows, and once what becomes of them, class by class.
template <class Space>
struct FloatBlocks : ClassBlocks<Space> {
  explicit FloatBlocks(ClassBlocks<Space> const& blocks) : ClassBlocks<Space>(blocks) {}

  KOKKOS_FUNCTION float* sorted() const { return reinterpret_cast<float*>(this->scratch.sorted.data()); }
  KOKKOS_FUNCTION float* spare() const { return sorted() + this->scratch.sorted.size(); }
  Matrix<float, Space> matrix(float* data) const {
    return Matrix<float, Space>(data, this->scratch.sorted.extent(0), this->scratch.sorted.extent(1));
  }
  /// Z_k, or its transpose, such that it has side(k) columns.
  KOKKOS_FUNCTION Strided<float, Space> tall(std::int64_t k) const { return ClassBlocks<Space>::tall(k, sorted()); }
  KOKKOS_FUNCTION Strided<float, Space> product(std::int64_t k) const { return ClassBlocks<Space>::tall(k, spare()); }
  KOKKOS_FUNCTION Strided<float, Space> sums(std::int64_t k) const {
    std::size_t const side = this->side(k);
    return Strided<float, Space>(spare() + this->scratch.begin(k) * this->dim,
                                 Kokkos::LayoutStride(side, side, side, 1));
  }
  /// In the memory of the factor.
  KOKKOS_FUNCTION Strided<float, Space> inverse(std::int64_t k) const {
    std::size_t const side = this->side(k);
    return Strided<float, Space>(reinterpret_cast<float*>(this->factor(k)), Kokkos::LayoutStride(side, side, side, 1));
  }
};

/// S_k = I + alpha_k A^T A, lower triangle; a team does one class and one pair of tiles I >= J.
template <class Space>
struct FloatClassGram {
  FloatBlocks<Space> blocks;
  std::int64_t tiles;  ///< tiles a class: those of side dim, whatever its own side
  void operator()(RowMember<Space> const& team) const {
    constexpr std::int64_t tile = ClassBlocks<Space>::tile;
    std::int64_t const k = team.league_rank() / tiles, side = blocks.side(k);
    std::int64_t row = 0, column = team.league_rank() % tiles;
    while (column > row) column -= ++row;
    std::int64_t const i = row * tile, j = column * tile;
    if (i >= side) return;
    int const height = static_cast<int>(std::min(tile, side - i)), width = static_cast<int>(std::min(tile, side - j));
    auto const a = blocks.tall(k), sums = block(blocks.sums(k), i, height, j, width);
    double* const s = blocks.factor(k) + i * side + j;
    double const alpha = blocks.alpha(k);
    constexpr std::int64_t most = FloatProducts::rows;
    std::int64_t const count = static_cast<std::int64_t>(a.extent(0));
    for (std::int64_t begin = 0; begin < count; begin += most) {
      std::int64_t const take = std::min(most, count - begin);
      Team<Space, float, true>::gemm(team, 1, transposed(block(a, begin, take, i, height)),
                                     block(a, begin, take, j, width), 0, sums);
      for (int r = 0; r < height; ++r)
        for (int c = 0; c < width; ++c)
          s[r * side + c] = (begin == 0 ? 0 : s[r * side + c]) + alpha * static_cast<double>(sums(r, c));
    }
    if (i != j) return;
    for (int e = 0; e < height; ++e) {
      blocks.diagonal(k)[i + e] = s[e * (side + 1)];
      s[e * (side + 1)] += 1;
    }
  }
};

/// One team a class: its rate, or NaN where float products are not enough, and for the gradient S_k^{-1} in float.
template <class Space>
struct FloatClassFactor {
  FloatBlocks<Space> blocks;
  Vector<double, Space> per_class;
  bool with_gradient;
  void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank();
    int const side = static_cast<int>(blocks.side(k));
    if (side == 0) return void(per_class(k) = 0);
    double* const l = blocks.factor(k);
    Team<Space, double, true>::cholesky(team, l, side);
    FactorRate const found = rate_of_factor(team, l, blocks.diagonal(k), side);
    double const entries = static_cast<double>(blocks.count(k)) * static_cast<double>(blocks.dim);
    bool const poor = found.is_poor_in_float(blocks.alpha(k) * entries * Kokkos::Experimental::norm_min_v<float>);
    per_class(k) = poor ? Kokkos::Experimental::quiet_NaN_v<double> : found.rate;
    if (poor || !with_gradient) return;
#if KRATE_HAVE_BLAS
    host_invert_product(l, side);
#endif
    Matrix<double, Space> const full(l, side, side);
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < i; ++j) full(j, i) = full(i, j);
    float* const rounded = reinterpret_cast<float*>(l);  // entry by entry, behind what is read
    for (std::int64_t e = 0; e < static_cast<std::int64_t>(full.size()); ++e) rounded[e] = static_cast<float>(l[e]);
  }
};

/// A S_k^{-1}; a team does one share of the rows of A = tall(k).
template <class Space>
struct FloatClassProduct {
  static constexpr std::int64_t shares = 4;
  FloatBlocks<Space> blocks;
  void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / shares, share = team.league_rank() % shares, side = blocks.side(k);
    if (side == 0) return;
    auto const a = blocks.tall(k);
    std::int64_t const count = static_cast<std::int64_t>(a.extent(0));
    std::int64_t const begin = count * share / shares, taken = count * (share + 1) / shares - begin;
    auto const rows = block(a, begin, taken, 0, side), out = block(blocks.product(k), begin, taken, 0, side);
    auto const inverse = blocks.inverse(k);
    if (operand(out).normal) return Team<Space, float, true>::gemm(team, 1, rows, inverse, 0, out);
    Team<Space, float, true>::gemm(team, 1, inverse, transposed(rows), 0, transposed(out));  // it is symmetric
  }
};

template <class Space>
struct FloatClassRate {
  static bool suits(ClassBlocks<Space> const& blocks, Route route) {
    return route != Route::portable && blocks.dim <= INT_MAX && FloatProducts::pay(blocks.dim) &&
           FloatProducts::fit(blocks.dim_over_eps_squared);
  }

  /// False, and nothing but scratch and rates written, where some class needs double products.
  static bool run(Space const& space, ConstStrided<float, Space> z, ClassBlocks<Space> const& classes,
                  Value<double, Space> rate, Vector<double, Space> per_class, Strided<float, Space> gradient) {
    FloatBlocks<Space> const blocks(classes);
    std::size_t const samples = z.extent(0), count = per_class.extent(0);
    std::int64_t const tiles = (blocks.dim + blocks.tile - 1) / blocks.tile, pairs = tiles * (tiles + 1) / 2;
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::gather"), rows(space, samples),
                         GatherRows<Space, float, float>{z, blocks.scratch.order, blocks.matrix(blocks.sorted())});
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::gram[float]"), rows(space, count * pairs),
                         FloatClassGram<Space>{blocks, pairs});
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::factor[float]"), rows(space, count),
                         FloatClassFactor<Space>{blocks, per_class, gradient.data() != nullptr});
    for (std::size_t k = 0; k < count; ++k)
      if (per_class(k) != per_class(k)) return false;
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::sum"), elements(space, 1),
                         SumOverClasses<Space>{blocks, per_class, rate});
    if (!gradient.data()) return true;
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::product[float]"),
                         rows(space, count * FloatClassProduct<Space>::shares), FloatClassProduct<Space>{blocks});
    double const alpha = blocks.dim_over_eps_squared / static_cast<double>(samples);
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::scatter"), rows(space, samples),
                         ScatterRows<Space, float, float>{blocks, blocks.matrix(blocks.spare()),
                                                          static_cast<std::int64_t>(count), alpha, gradient});
    return true;
  }
};

}  // namespace krate::impl
