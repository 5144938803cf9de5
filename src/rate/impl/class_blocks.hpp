// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Classes of samples, sorted: where each is, and what all routes to their rates share.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"

namespace krate::impl {

/// Sizes are known on the device alone; kernels work on a class through this view of it.
template <class Space>
struct ClassBlocks {
  static constexpr std::int64_t tile = 128;

  ClassRateScratch<Space> scratch;
  std::int64_t dim;
  double dim_over_eps_squared;

  KOKKOS_FUNCTION std::int64_t count(std::int64_t k) const { return scratch.begin(k + 1) - scratch.begin(k); }
  KOKKOS_FUNCTION double alpha(std::int64_t k) const { return dim_over_eps_squared / static_cast<double>(count(k)); }
  /// min(n_k, dim): the side of S_k.
  KOKKOS_FUNCTION std::int64_t side(std::int64_t k) const { return count(k) < dim ? count(k) : dim; }
  /// Z_k, or its transpose, such that it has side(k) columns.
  KOKKOS_FUNCTION Strided<double, Space> tall(std::int64_t k) const { return tall(k, scratch.sorted.data()); }
  template <class S>
  KOKKOS_FUNCTION Strided<S, Space> tall(std::int64_t k, S* sorted) const {
    S* const data = sorted + scratch.begin(k) * dim;
    std::size_t const n = count(k), d = dim;
    return n < d ? Strided<S, Space>(data, Kokkos::LayoutStride(d, 1, n, d))
                 : Strided<S, Space>(data, Kokkos::LayoutStride(n, d, d, 1));
  }
  KOKKOS_FUNCTION double* factor(std::int64_t k) const { return scratch.factors.data() + scratch.factor_begin(k); }
  /// The diagonal of alpha_k A^T A, and scratch as long.
  KOKKOS_FUNCTION double* diagonal(std::int64_t k) const { return &scratch.vectors(0, scratch.begin(k)); }
  KOKKOS_FUNCTION double* spare(std::int64_t k) const { return &scratch.vectors(1, scratch.begin(k)); }
};

/// The weighted sum, in the order of the classes.
template <class Space>
struct SumOverClasses {
  ClassBlocks<Space> blocks;
  ConstVector<double, Space> per_class;
  Value<double, Space> rate;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    std::int64_t const classes = static_cast<std::int64_t>(per_class.extent(0));
    double const samples = static_cast<double>(blocks.scratch.order.extent(0));
    double sum = blocks.count(classes) > 0 ? Kokkos::Experimental::quiet_NaN_v<double> : 0.0;
    for (std::int64_t k = 0; k < classes; ++k)
      if (blocks.count(k) > 0) sum += static_cast<double>(blocks.count(k)) / samples * per_class(k);
    rate() = sum;
  }
};

/// One team a sample.
template <class Space, class T, class S = double>
struct ScatterRows {
  ClassBlocks<Space> blocks;
  ConstMatrix<S, Space> sorted;
  std::int64_t classes;
  double alpha;
  Strided<T, Space> gradient;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank(), row = blocks.scratch.order(i);
    double const scale = i < blocks.scratch.begin(classes) ? alpha : Kokkos::Experimental::quiet_NaN_v<double>;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(gradient.extent(1))),
                         [&](int j) { gradient(row, j) = static_cast<T>(scale * static_cast<double>(sorted(i, j))); });
  }
};

}  // namespace krate::impl
