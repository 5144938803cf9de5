// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/class_blocks.hpp"
#include "rate/impl/float_class_rate.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/rate_kernels.hpp"
#include "rate/impl/sort_by_class.hpp"

namespace krate::impl {

/// S_k = I + alpha_k A^T A, lower triangle; a team does one class and one pair of tiles I >= J.
template <class Space, bool Vendor>
struct ClassGram {
  ClassBlocks<Space> blocks;
  std::int64_t tiles;  ///< tiles a class: those of side dim, whatever its own side
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    constexpr std::int64_t tile = ClassBlocks<Space>::tile;
    std::int64_t const k = team.league_rank() / tiles, side = blocks.side(k);
    std::int64_t row = 0, column = team.league_rank() % tiles;
    while (column > row) column -= ++row;
    std::int64_t const i = row * tile, j = column * tile;
    if (i >= side) return;
    std::int64_t const height = Kokkos::min(tile, side - i), width = Kokkos::min(tile, side - j);
    Strided<double, Space> const a = blocks.tall(k), s(blocks.factor(k), Kokkos::LayoutStride(side, side, side, 1));
    auto const c = block(s, i, height, j, width);
    std::int64_t const count = static_cast<std::int64_t>(a.extent(0));
    Team<Space, double, Vendor>::gemm(team, blocks.alpha(k), transposed(block(a, 0, count, i, height)),
                                      block(a, 0, count, j, width), 0, c);
    team.team_barrier();
    if (i != j) return;
    double* const diagonal = blocks.diagonal(k) + i;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, height), [&](int e) {
      diagonal[e] = c(e, e);
      c(e, e) += 1;
    });
  }
};

/// One team a class. For the gradient the vendor's library inverts the factor: its products are faster than its solves.
template <class Space, bool Vendor>
struct ClassFactor {
  ClassBlocks<Space> blocks;
  Vector<double, Space> per_class;
  bool with_gradient;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank();
    int const side = static_cast<int>(blocks.side(k));
    double found = 0;
    if (side > 0) {
      double* const l = blocks.factor(k);
      Team<Space, double, Vendor>::cholesky(team, l, side);
      team.team_barrier();
      FactorRate const rate = rate_of_factor(team, l, blocks.diagonal(k), side);
      found = rate.is_poor() ? factor_by_rotations(team, blocks.alpha(k), blocks.tall(k), l, blocks.spare(k), side)
                             : rate.rate;
#if KRATE_HAVE_BLAS
      if constexpr (Vendor)
        if (with_gradient) host_invert(l, side, side);
#endif
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { per_class(k) = found; });
  }
};

/// A := A S_k^{-1}, in place; a team does one share of the rows of A = tall(k), which do not depend on each other.
template <class Space, bool Vendor>
struct ClassSolve {
  static constexpr std::int64_t shares = 16;
  ClassBlocks<Space> blocks;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / shares, share = team.league_rank() % shares, side = blocks.side(k);
    if (side == 0) return;
    auto const a = blocks.tall(k);
    std::int64_t const count = static_cast<std::int64_t>(a.extent(0));
    std::int64_t const begin = count * share / shares, end = count * (share + 1) / shares;
    auto const columns = transposed(block(a, begin, end - begin, 0, side));
    ConstStrided<double, Space> const l(blocks.factor(k), Kokkos::LayoutStride(side, side, side, 1));
#if KRATE_HAVE_BLAS
    if constexpr (Vendor) {
      if (begin < end) {
        host_multiply(false, l, columns);
        host_multiply(true, l, columns);
      }
      return;
    }
#endif
    Team<Space, double, false>::solve(team, false, l, columns);
    Team<Space, double, false>::solve(team, true, l, columns);
  }
};

/// Values, and the in-place solves for the gradient.
template <class Space, bool Vendor>
void run_classes(Space const& space, ClassBlocks<Space> const& blocks, Value<double, Space> rate,
                 Vector<double, Space> per_class, bool with_gradient) {
  std::size_t const classes = per_class.extent(0);
  std::int64_t const tiles = (blocks.dim + ClassBlocks<Space>::tile - 1) / ClassBlocks<Space>::tile;
  std::int64_t const pairs = tiles * (tiles + 1) / 2;
  auto const& name = [](std::string const& vendor, std::string const& portable) -> std::string const& {
    return Vendor ? vendor : portable;
  };
  Kokkos::parallel_for(name(KRATE_LABEL("krate::class_coding_rate::gram[vendor]"),
                            KRATE_LABEL("krate::class_coding_rate::gram[portable]")),
                       rows(space, classes * pairs), ClassGram<Space, Vendor>{blocks, pairs});
  Kokkos::parallel_for(name(KRATE_LABEL("krate::class_coding_rate::factor[vendor]"),
                            KRATE_LABEL("krate::class_coding_rate::factor[portable]")),
                       rows(space, classes), ClassFactor<Space, Vendor>{blocks, per_class, with_gradient});
  Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::sum"), elements(space, 1),
                       SumOverClasses<Space>{blocks, per_class, rate});
  if (!with_gradient) return;
  Kokkos::parallel_for(name(KRATE_LABEL("krate::class_coding_rate::solve[vendor]"),
                            KRATE_LABEL("krate::class_coding_rate::solve[portable]")),
                       rows(space, classes * ClassSolve<Space, Vendor>::shares), ClassSolve<Space, Vendor>{blocks});
}

template <class Space, class T>
void ClassCodingRate<Space, T>::run(Space const& space, ConstStrided<T, Space> z, ConstVector<Label, Space> labels,
                                    ClassRateOptions const& options, Workspace<Space> work, Value<double, Space> rate,
                                    Vector<double, Space> per_class, Strided<T, Space> gradient) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::class_coding_rate"));
  std::size_t const samples = z.extent(0), dim = z.extent(1), classes = options.classes;
  if (samples == 0 || dim == 0) {
    fill(space, per_class, 0);
    return fill(space, rate, 0);
  }
  ClassRateScratch<Space> const scratch(work, samples, dim, classes);
  sort_by_class<Space>(space, labels, scratch, static_cast<std::int64_t>(dim), scratch.factor_begin);
  double const dim_over_eps_squared = static_cast<double>(dim) / options.eps_squared;
  ClassBlocks<Space> const blocks{scratch, static_cast<std::int64_t>(dim), dim_over_eps_squared};
  if constexpr (std::is_same_v<T, float> && has_host_blas<Space>) {
    using Float = FloatClassRate<Space>;
    if (Float::suits(blocks, options.route) && Float::run(space, z, blocks, rate, per_class, gradient)) return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::gather"), rows(space, samples),
                       GatherRows<Space, T>{z, scratch.order, scratch.sorted});
  if (use_vendor("krate::class_coding_rate", options.route, has_host_blas<Space> && dim <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) run_classes<Space, true>(space, blocks, rate, per_class, gradient.data());
  } else {
    run_classes<Space, false>(space, blocks, rate, per_class, gradient.data());
  }
  if (gradient.data()) {
    Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::scatter"), rows(space, samples),
                         ScatterRows<Space, T>{blocks, scratch.sorted, static_cast<std::int64_t>(classes),
                                               dim_over_eps_squared / static_cast<double>(samples), gradient});
  }
}

}  // namespace krate::impl
