// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that make a ReduNet layer out of features.
#pragma once

#include "krate/rate/impl/redunet_layer_decl.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/sort_by_class.hpp"

namespace krate::impl {

/// Places in RedunetBuildScratch::packed.
struct PackedMoments {
  std::int64_t dim, classes;
  KOKKOS_FUNCTION std::int64_t triangle() const { return dim * (dim + 1) / 2; }
  KOKKOS_FUNCTION std::int64_t entry(std::int64_t k, std::int64_t i, std::int64_t j) const {
    std::int64_t const row = i > j ? i : j, column = i > j ? j : i;
    return k * triangle() + row * (row + 1) / 2 + column;
  }
  KOKKOS_FUNCTION std::int64_t count(std::int64_t k) const { return classes * triangle() + k; }
  KOKKOS_FUNCTION std::int64_t strays() const { return count(classes); }
};

/// factors(1 + k) = Z_k^T Z_k, lower triangle; a team does one class and one pair of tiles I >= J.
template <class Space, bool Vendor>
struct MomentOfClass {
  static constexpr std::int64_t tile = 64;
  RedunetBuildScratch<Space> scratch;
  std::int64_t tiles;  ///< pairs of tiles a class
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / tiles, dim = static_cast<std::int64_t>(scratch.factors.extent(1));
    std::int64_t row = 0, column = team.league_rank() % tiles;
    while (column > row) column -= ++row;
    std::int64_t const i = row * tile, j = column * tile, begin = scratch.order.begin(k);
    std::size_t const height = Kokkos::min(std::int64_t(tile), dim - i),
                      width = Kokkos::min(std::int64_t(tile), dim - j), count = scratch.order.begin(k + 1) - begin,
                      pitch = dim;
    double* const rows = scratch.sorted.data() + begin * dim;
    Strided<double, Space> const left(rows + i, Kokkos::LayoutStride(height, 1, count, pitch)),
        right(rows + j, Kokkos::LayoutStride(count, pitch, width, 1)),
        moment(&scratch.factors(k + 1, i, j), Kokkos::LayoutStride(height, pitch, width, 1));
    Team<Space, double, Vendor>::gemm(team, 1, left, right, 0, moment);
  }
};

/// One team a class and row.
template <class Space>
struct PackMoments {
  RedunetBuildScratch<Space> scratch;
  PackedMoments at;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / at.dim, i = team.league_rank() % at.dim;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1),
                         [&](int j) { scratch.packed(at.entry(k, i, j)) = scratch.factors(k + 1, i, j); });
    if (i > 0) return;
    auto const count = [&](std::int64_t c) {
      return static_cast<double>(scratch.order.begin(c + 1) - scratch.order.begin(c));
    };
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      scratch.packed(at.count(k)) = count(k);
      if (k == 0) scratch.packed(at.strays()) = count(at.classes);
    });
  }
};

/// alpha of all samples (0) or of class k - 1, from the summed counts; 0 where there are none.
template <class Space>
struct RedunetAlpha {
  ConstVector<double, Space> packed;
  PackedMoments at;
  double dim_over_eps_squared;
  KOKKOS_FUNCTION double samples(std::int64_t part) const {
    if (part > 0) return packed(at.count(part - 1));
    double sum = 0;
    for (std::int64_t k = 0; k < at.classes; ++k) sum += packed(at.count(k));
    return sum;
  }
  KOKKOS_FUNCTION double operator()(std::int64_t part) const {
    double const m = samples(part);
    return m > 0 ? dim_over_eps_squared / m : 0;
  }
};

/// factors = I + alpha M, inverses = I; a team does one row of one matrix.
template <class Space>
struct ScaleMoments {
  RedunetAlpha<Space> alpha;
  Tensor3<double, Space> factors, inverses;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const& at = alpha.at;
    std::int64_t const part = team.league_rank() / at.dim, i = team.league_rank() % at.dim;
    double const scale = alpha.packed(at.strays()) > 0 ? Kokkos::Experimental::quiet_NaN_v<double> : alpha(part);
    std::int64_t const first = part > 0 ? part - 1 : 0, last = part > 0 ? part : at.classes;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(at.dim)), [&](int j) {
      double sum = 0;
      for (std::int64_t k = first; k < last; ++k) sum += alpha.packed(at.entry(k, i, j));
      factors(part, i, j) = (i == j ? 1.0 : 0.0) + scale * sum;
      inverses(part, i, j) = i == j ? 1 : 0;
    });
  }
};

/// Rows of the identity become rows of the inverse; a team does one share of a matrix's rows.
template <class Space, bool Vendor>
struct InvertFactors {
  static constexpr std::int64_t shares = 16;
  Tensor3<double, Space> factors, inverses;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const part = team.league_rank() / shares, share = team.league_rank() % shares;
    std::size_t const dim = factors.extent(1), begin = dim * share / shares, end = dim * (share + 1) / shares;
    if (begin == end) return;
    ConstStrided<double, Space> const l(&factors(part, 0, 0), Kokkos::LayoutStride(dim, dim, dim, 1));
    Strided<double, Space> const columns(&inverses(part, begin, 0), Kokkos::LayoutStride(dim, 1, end - begin, dim));
    Team<Space, double, Vendor>::solve(team, false, l, columns);
    Team<Space, double, Vendor>::solve(team, true, l, columns);
  }
};

/// alpha times the symmetric part of the inverse; a team does one row of one matrix.
template <class Space, class T>
struct WriteMaps {
  RedunetAlpha<Space> alpha;
  ConstTensor3<double, Space> inverses;
  Matrix<T, Space> expansion;
  Tensor3<T, Space> compression;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const part = team.league_rank() / alpha.at.dim, i = team.league_rank() % alpha.at.dim;
    double const scale = alpha(part) / 2;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(alpha.at.dim)), [&](int j) {
      T const value = static_cast<T>(scale * (inverses(part, i, j) + inverses(part, j, i)));
      if (part == 0) {
        expansion(i, j) = value;
      } else {
        compression(part - 1, i, j) = value;
      }
    });
  }
};

/// Weights and rates, the classes in their order.
template <class Space, class T>
struct WriteWeights {
  RedunetAlpha<Space> alpha;
  ConstVector<double, Space> log_dets;
  Vector<T, Space> weights;
  Vector<double, Space> rates;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double const all = alpha.samples(0), spoiled = 0 * log_dets(0);  // 0, or NaN
    double sum = 0;
    for (std::int64_t k = 0; k < alpha.at.classes; ++k) {
      double const gamma = all > 0 ? alpha.samples(k + 1) / all : 0;
      weights(k) = static_cast<T>(gamma + spoiled);
      if (gamma > 0) sum += gamma * log_dets(k + 1) / 2;
    }
    rates(0) = log_dets(0) / 2;
    rates(1) = sum + spoiled;
  }
};

}  // namespace krate::impl
