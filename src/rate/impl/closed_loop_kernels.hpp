// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of closed_loop_rate().
#pragma once

#include "krate/rate/closed_loop.hpp"
#include "rate/impl/mcr2_def.hpp"

namespace krate::impl {

/// Places in ClosedLoopScratch::packed, `factors` and `inverses`.
struct LoopPlaces {
  std::int64_t dim, classes;
  KOKKOS_FUNCTION std::int64_t entry(std::int64_t part, std::int64_t i, std::int64_t j) const {
    std::int64_t const row = i > j ? i : j, column = i > j ? j : i;
    return part * (dim * (dim + 1) / 2) + row * (row + 1) / 2 + column;
  }
  KOKKOS_FUNCTION std::int64_t count(std::int64_t k) const { return entry(2 * classes, 0, 0) + k; }
  KOKKOS_FUNCTION std::int64_t whole(std::int64_t side) const { return side; }
  KOKKOS_FUNCTION std::int64_t part(std::int64_t side, std::int64_t k) const { return 2 + side * classes + k; }
  KOKKOS_FUNCTION std::int64_t joint(std::int64_t k) const { return part(2, k); }
};

/// The counts of all ranks, and scales that follow from them.
template <class Space>
struct LoopScales {
  LoopPlaces at;
  ConstVector<double, Space> packed;
  double beta;  ///< dim / eps_squared
  KOKKOS_FUNCTION double samples(std::int64_t k) const { return packed(at.count(k)); }
  KOKKOS_FUNCTION double all() const {
    double sum = 0;
    for (std::int64_t k = 0; k < at.classes; ++k) sum += samples(k);
    return sum;
  }
  KOKKOS_FUNCTION double scale(double count) const {
    if (packed(at.count(at.classes)) > 0) return Kokkos::Experimental::quiet_NaN_v<double>;
    return count > 0 ? beta / count : 0;
  }
  KOKKOS_FUNCTION double moment(std::int64_t side, std::int64_t k, std::int64_t i, std::int64_t j) const {
    return packed(at.entry(side * at.classes + k, i, j));
  }
};

/// One work item a class, and one for the labels out of range.
template <class Space>
struct PackLoopCounts {
  LoopPlaces at;
  ConstVector<std::int64_t, Space> counts;
  Vector<double, Space> packed;
  KOKKOS_FUNCTION void operator()(std::int64_t k) const { packed(at.count(k)) = static_cast<double>(counts(k)); }
};

/// factors = I + scaled moments, inverses = I; a team does one row of one matrix.
template <class Space>
struct LoopFactors {
  LoopScales<Space> scales;
  Tensor3<double, Space> factors, inverses;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const& at = scales.at;
    std::int64_t const m = team.league_rank() / at.dim, i = team.league_rank() % at.dim;
    std::int64_t const side = m < 2 ? m : (m - 2) / at.classes, k = m < 2 ? 0 : (m - 2) % at.classes;
    bool const joint = side == 2;
    double const scale = m < 2 ? scales.scale(scales.all()) : scales.scale((joint ? 2 : 1) * scales.samples(k));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, at.dim), [&](std::int64_t j) {
      double sum = 0;
      if (m < 2) {
        for (std::int64_t c = 0; c < at.classes; ++c) sum += scales.moment(m, c, i, j);
      } else {
        sum = scales.moment(joint ? 0 : side, k, i, j) + (joint ? scales.moment(1, k, i, j) : 0);
      }
      factors(m, i, j) = (i == j ? 1.0 : 0.0) + scale * sum;
      inverses(m, i, j) = i == j ? 1 : 0;
    });
  }
};

/// half = (B_k - A_k) / 2; a team does one row of one class.
template <class Space>
struct HalfDifference {
  LoopScales<Space> scales;
  bool sloped;  ///< times beta / (2 m_k)
  Tensor3<double, Space> half;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const& at = scales.at;
    std::int64_t const k = team.league_rank() / at.dim, i = team.league_rank() % at.dim;
    double const scale = scales.scale(2 * scales.samples(k)), factor = sloped ? scale * scale : scale;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, at.dim), [&](std::int64_t j) {
      half(k, i, j) = factor * (scales.moment(1, k, i, j) - scales.moment(0, k, i, j));
    });
  }
};

/// pairs(k) = -1/4 log det(I - C C^T). The pivots of I - G, G = C C^T, are 1 - e with e a sum of squares, so nothing
/// cancels: one team a class.
template <class Space, bool Vendor>
struct PairDistance {
  LoopPlaces at;
  Tensor3<double, Space> factors, half, square;
  Vector<double, Space> pairs;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank(), n = at.dim;
    std::size_t const d = static_cast<std::size_t>(n);
    auto const plain = Kokkos::LayoutStride(d, d, d, 1);
    ConstStrided<double, Space> const l(&factors(at.joint(k), 0, 0), plain);
    Strided<double, Space> const c(&half(k, 0, 0), plain), g(&square(k, 0, 0), plain);
    using Do = Team<Space, double, Vendor>;
    Do::solve(team, false, l, c);
    Do::solve(team, false, l, transposed(c));
    Do::gemm(team, 1, c, transposed(ConstStrided<double, Space>(c)), 0, g);
    team.team_barrier();
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      double const excess =
          g(j, j) + row_sum<double>(team, j, [&](std::int64_t i) { return g(j, i) * g(j, i) * (1 - g(i, i)); });
      team.team_barrier();
      Kokkos::single(Kokkos::PerTeam(team), [&]() { g(j, j) = excess; });
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, j + 1, n), [&](std::int64_t r) {
        double inner = g(r, j);
        for (std::int64_t i = 0; i < j; ++i) inner += g(r, i) * g(j, i) * (1 - g(i, i));
        g(r, j) = -inner / (1 - excess);
      });
      team.team_barrier();
      sum -= Kokkos::log1p(-excess);
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { pairs(k) = sum / 4; });
  }
};

/// The two rate reductions, and the sum of the distances, the classes in their order.
template <class Space>
struct LoopValues {
  LoopScales<Space> scales;
  ConstVector<double, Space> log_dets, pairs;
  Vector<double, Space> values;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    auto const& at = scales.at;
    double const all = scales.all();
    double sums[3] = {log_dets(at.whole(0)) / 2, log_dets(at.whole(1)) / 2, 0};
    for (std::int64_t k = 0; k < at.classes; ++k) {
      if (!(scales.samples(k) > 0)) continue;
      for (int side = 0; side < 2; ++side) sums[side] -= scales.samples(k) / all * log_dets(at.part(side, k)) / 2;
      sums[2] += pairs(k);
    }
    for (int i = 0; i < 3; ++i) values(i) = sums[i];
  }
};

/// slopes = beta / m (inverse of all - inverse of the class), one row of a class and a side a team.
template <class Space>
struct ExpansionSlopes {
  LoopScales<Space> scales;
  ConstTensor3<double, Space> inverses;
  Tensor3<double, Space> slopes;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const& at = scales.at;
    std::int64_t const p = team.league_rank() / at.dim, i = team.league_rank() % at.dim;
    std::int64_t const side = p / at.classes, k = p % at.classes;
    double const scale = scales.scale(scales.all());
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, at.dim), [&](std::int64_t j) {
      slopes(p, i, j) = scale * (inverses(at.whole(side), i, j) - inverses(at.part(side, k), i, j));
    });
  }
};

/// One team a sorted row.
template <class Space, class T>
struct UnsortGradient {
  ConstVector<std::int64_t, Space> order, begin;
  ConstMatrix<double, Space> products;
  Matrix<T, Space> gradient;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank(), r = order(i);
    bool const stray = i >= begin(static_cast<std::int64_t>(begin.extent(0)) - 2);
    Kokkos::parallel_for(
        Kokkos::TeamVectorRange(team, static_cast<std::int64_t>(products.extent(1))), [&](std::int64_t j) {
          gradient(r, j) = static_cast<T>(stray ? Kokkos::Experimental::quiet_NaN_v<double> : products(i, j));
        });
  }
};

}  // namespace krate::impl
