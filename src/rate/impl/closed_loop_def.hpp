// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/batched_gemm.hpp"
#include "krate/linalg/elementwise.hpp"
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

/// half = (B_k - A_k) / 2 and `second` = factor times it; a team does one row of one class.
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

/// What is done class by class with BLAS inside of kernels, or without.
template <class Space, bool Vendor>
struct LoopKernels {
  static void invert(Space const& space, ClosedLoopScratch<Space> const& s) {
    using Invert = InvertFactors<Space, Vendor>;
    Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::invert"),
                         rows(space, s.factors.extent(0) * Invert::shares), Invert{s.factors, s.inverses});
  }
  static void distances(Space const& space, ClosedLoopScratch<Space> const& s, LoopPlaces const& at) {
    Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::distances"), rows(space, s.pairs.extent(0)),
                         PairDistance<Space, Vendor>{at, s.factors, s.half, s.square, s.pairs});
  }
  static void products(Space const& space, ClosedLoopScratch<Space> const& s, ConstMatrix<double, Space> sorted,
                       ConstTensor3<double, Space> slopes) {
    using Product = Mcr2Product<Space, Vendor>;
    Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::products"),
                         rows(space, slopes.extent(0) * Product::shares),
                         Product{s.order.begin, sorted, slopes, s.products});
  }
};

template <class Space, class T, bool Vendor>
void closed_loop(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> const (&z)[2],
                 ConstVector<Label, Space> labels, ClosedLoopOptions const& options, ClosedLoopScratch<Space> const& s,
                 Vector<double, Space> values, Matrix<T, Space> const (&dz)[2]) {
  std::size_t const dim = z[0].extent(1), classes = options.classes, triangle = s.triangle(dim);
  LoopPlaces const at{static_cast<std::int64_t>(dim), static_cast<std::int64_t>(classes)};
  using Do = LoopKernels<Space, Vendor>;
  auto const matrices = [&](Tensor3<double, Space> const& all, std::int64_t first) {
    return Tensor4<double, Space>(&all(first, 0, 0), 1, classes, dim, dim);
  };
  fill(space, s.moments, 0);
  for (int side = 0; side < 2; ++side) {
    fill(space, s.counts[side], 0);
    Tensor3<double, Space> const moments(&s.moments(side * at.classes, 0, 0), classes, dim, dim);
    ClassMomentSums<Space, T>::add(space, as_strided<Space>(z[side]), labels, s.order, s.sorted[side], moments,
                                   s.counts[side], Route::automatic);
  }
  ClassMomentRates<Space, double>::pack(space, s.moments,
                                        Matrix<double, Space>(s.packed.data(), 2 * classes, triangle));
  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::counts"), elements(space, classes + 1),
                       PackLoopCounts<Space>{at, s.counts[0], s.packed});
  sum_over_ranks(space, comm, s.packed);

  LoopScales<Space> const scales{at, s.packed, static_cast<double>(dim) / options.eps_squared};
  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::factors"), rows(space, s.factors.extent(0) * dim),
                       LoopFactors<Space>{scales, s.factors, s.inverses});
  batched_cholesky(space, s.factors, s.status);
  batched_log_det(space, s.factors, s.log_dets);
  Do::invert(space, s);
  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::difference"), rows(space, classes * dim),
                       HalfDifference<Space>{scales, false, s.half});
  Do::distances(space, s, at);
  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::values"), elements(space, 1),
                       LoopValues<Space>{scales, s.log_dets, s.pairs, values});

  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::difference"), rows(space, classes * dim),
                       HalfDifference<Space>{scales, true, s.half});
  auto const& slopes = s.moments;
  Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::expansion"), rows(space, 2 * classes * dim),
                       ExpansionSlopes<Space>{scales, s.inverses, slopes});
  auto const product = matrices(s.square, 0);
  batched_gemm(space, "N", "N", 1, matrices(s.inverses, at.joint(0)), matrices(s.half, 0), 0, product);
  for (int side = 0; side < 2; ++side) {
    batched_gemm(space, "N", "N", side == 0 ? -1 : 1, product, matrices(s.inverses, at.part(side, 0)), 1,
                 matrices(slopes, side * at.classes));
    Do::products(space, s, s.sorted[side],
                 ConstTensor3<double, Space>(&slopes(side * at.classes, 0, 0), classes, dim, dim));
    Kokkos::parallel_for(KRATE_LABEL("krate::closed_loop_rate::gradient"), rows(space, z[0].extent(0)),
                         UnsortGradient<Space, T>{s.order.order, s.order.begin, s.products, dz[side]});
  }
}

template <class Space, class T>
void ClosedLoop<Space, T>::run(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> z,
                               ConstMatrix<T, Space> z_hat, ConstVector<Label, Space> labels,
                               ClosedLoopOptions const& options, Workspace<Space> work, Vector<double, Space> values,
                               Matrix<T, Space> dz, Matrix<T, Space> dz_hat) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::closed_loop_rate"));
  ClosedLoopScratch<Space> const scratch(work, z.extent(0), z.extent(1), options.classes);
  ConstMatrix<T, Space> const both[2] = {z, z_hat};
  Matrix<T, Space> const gradients[2] = {dz, dz_hat};
  bool const vendor =
      use_vendor("krate::closed_loop_rate", Route::automatic, has_host_blas<Space> && z.extent(1) <= INT_MAX);
  if (vendor) {
    if constexpr (has_host_blas<Space>)
      closed_loop<Space, T, true>(space, comm, both, labels, options, scratch, values, gradients);
  } else {
    closed_loop<Space, T, false>(space, comm, both, labels, options, scratch, values, gradients);
  }
}

}  // namespace krate::impl
