// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/mcr2.hpp"
#include "rate/impl/redunet_layer_def.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct Mcr2Row {
  ConstStrided<T, Space> features;
  bool unit;
  Matrix<double, Space> rows;
  Vector<double, Space> lengths;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const dim = static_cast<std::int64_t>(rows.extent(1));
    double const square = row_sum<double>(team, dim, [&](std::int64_t j) {
      double const v = static_cast<double>(features(r, j));
      return v * v;
    });
    double const norm = Kokkos::sqrt(square), length = !unit ? 1 : norm < 1e-12 ? 1e-12 : norm;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { rows(r, j) = static_cast<double>(features(r, j)) / length; });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { lengths(r) = length; });
  }
};

/// C_k becomes gamma_k C_k - E; a team does one row of one class.
template <class Space>
struct Mcr2Slope {
  ConstMatrix<double, Space> expansion;
  ConstVector<double, Space> weights;
  Tensor3<double, Space> slopes;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const dim = static_cast<std::int64_t>(expansion.extent(0));
    std::int64_t const k = team.league_rank() / dim, i = team.league_rank() % dim;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { slopes(k, i, j) = weights(k) * slopes(k, i, j) - expansion(i, j); });
  }
};

/// A team does one share of the rows of a class.
template <class Space, bool Vendor>
struct Mcr2Product {
  static constexpr std::int64_t shares = 16;
  ConstVector<std::int64_t, Space> begin;
  ConstMatrix<double, Space> sorted;
  ConstTensor3<double, Space> slopes;
  Matrix<double, Space> products;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / shares, share = team.league_rank() % shares;
    std::int64_t const count = begin(k + 1) - begin(k), first = begin(k) + count * share / shares;
    std::size_t const taken = begin(k) + count * (share + 1) / shares - first, dim = sorted.extent(1);
    if (taken == 0) return;
    ConstStrided<double, Space> const rows(&sorted(first, 0), Kokkos::LayoutStride(taken, dim, dim, 1)),
        slope(&slopes(k, 0, 0), Kokkos::LayoutStride(dim, dim, dim, 1));
    Strided<double, Space> const out(&products(first, 0), Kokkos::LayoutStride(taken, dim, dim, 1));
    Team<Space, double, Vendor>::gemm(team, 1, rows, slope, 0, out);
  }
};

template <class Space, bool Vendor>
void mcr2_products(Space const& space, RedunetBuildScratch<Space> const& built, Mcr2Scratch<Space> const& scratch) {
  using Product = Mcr2Product<Space, Vendor>;
  Kokkos::parallel_for(KRATE_LABEL("krate::mcr2_loss::products"),
                       rows(space, scratch.slopes.extent(0) * Product::shares),
                       Product{built.order.begin, built.sorted, scratch.slopes, scratch.products});
}

/// One team a sorted row: the Frobenius term, the way back through the division by the row's length, and its old place.
template <class Space, class T>
struct Mcr2Gradient {
  ConstVector<std::int64_t, Space> order, begin;
  ConstMatrix<double, Space> sorted, products;
  ConstVector<double, Space> lengths;
  double frobenius;
  bool unit;
  Strided<T, Space> gradient;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank(), r = order(i), dim = static_cast<std::int64_t>(sorted.extent(1));
    bool const stray = i >= begin(static_cast<std::int64_t>(begin.extent(0)) - 2);
    double const radial =
        unit ? row_sum<double>(team, dim, [&](std::int64_t j) { return products(i, j) * sorted(i, j); }) : -frobenius;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim), [&](std::int64_t j) {
      double const g = (products(i, j) - radial * sorted(i, j)) / lengths(r);
      gradient(r, j) = static_cast<T>(stray ? Kokkos::Experimental::quiet_NaN_v<double> : g);
    });
  }
};

/// |Z|_F^2 is the trace of the class moments together.
template <class Space>
struct Mcr2Value {
  ConstVector<double, Space> rates, packed;
  PackedMoments at;
  double frobenius;
  Value<double, Space> loss;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double square = 0;
    for (std::int64_t k = 0; frobenius > 0 && k < at.classes; ++k)
      for (std::int64_t i = 0; i < at.dim; ++i) square += packed(at.entry(k, i, i));
    loss() = rates(1) - rates(0) + frobenius / 2 * square;
  }
};

template <class Space, class T>
void Mcr2<Space, T>::run(Space const& space, comm::Communicator const& comm, ConstStrided<T, Space> features,
                         ConstVector<Label, Space> labels, Mcr2Objective const& objective, std::size_t classes,
                         Workspace<Space> work, Value<double, Space> loss, Strided<T, Space> gradient) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::mcr2_loss"));
  std::size_t const samples = features.extent(0), dim = features.extent(1);
  bool const unit = objective.frobenius == 0;
  Mcr2Scratch<Space> const scratch(work, samples, dim, classes);
  RedunetBuildScratch<Space> const built(work, samples, dim, classes);
  PackedMoments const at{static_cast<std::int64_t>(dim), static_cast<std::int64_t>(classes)};

  Kokkos::parallel_for(KRATE_LABEL("krate::mcr2_loss::rows"), impl::rows(space, samples),
                       Mcr2Row<Space, T>{features, unit, scratch.rows, scratch.lengths});
  ClassRateOptions const options{.eps_squared = objective.eps_squared, .classes = classes};
  build_redunet_maps<Space, double>(space, comm, as_strided<Space>(ConstMatrix<double, Space>(scratch.rows)), labels,
                                    options, built, scratch.expansion, scratch.slopes, scratch.weights, scratch.rates,
                                    scratch.status);
  Kokkos::parallel_for(KRATE_LABEL("krate::mcr2_loss::slopes"), impl::rows(space, classes * dim),
                       Mcr2Slope<Space>{scratch.expansion, scratch.weights, scratch.slopes});
  if (use_vendor("krate::mcr2_loss", options.route, has_host_blas<Space> && dim <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) mcr2_products<Space, true>(space, built, scratch);
  } else {
    mcr2_products<Space, false>(space, built, scratch);
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::mcr2_loss::gradient"), impl::rows(space, samples),
                       Mcr2Gradient<Space, T>{built.order.order, built.order.begin, built.sorted, scratch.products,
                                              scratch.lengths, objective.frobenius, unit, gradient});
  Kokkos::parallel_for(KRATE_LABEL("krate::mcr2_loss::value"), elements(space, 1),
                       Mcr2Value<Space>{scratch.rates, built.packed, at, objective.frobenius, loss});
}

}  // namespace krate::impl
