// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "krate/core/label.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/log_det.hpp"
#include "linalg/impl/row_sum.hpp"
#include "rate/impl/redunet_build.hpp"

namespace krate::impl {

/// Sums over ranks, through host memory on devices.
template <class Space>
void sum_over_ranks(Space const& space, comm::Communicator const& comm, Vector<double, Space> values) {
  if (comm.size() == 1) return;
  if constexpr (is_device<Space>) {
    Kokkos::View<double*, Kokkos::HostSpace> const host(
        Kokkos::view_alloc("krate::redunet_layer_build::host", Kokkos::WithoutInitializing), values.extent(0));
    Kokkos::deep_copy(space, host, values);
    space.fence(KRATE_LABEL("krate::redunet_layer_build: moments are sent"));
    comm.all_reduce(std::span<double>(host.data(), host.extent(0)));
    Kokkos::deep_copy(space, values, host);
    space.fence(KRATE_LABEL("krate::redunet_layer_build: staging ends"));
  } else {
    space.fence(KRATE_LABEL("krate::redunet_layer_build: moments are sent"));
    comm.all_reduce(std::span<double>(values.data(), values.extent(0)));
  }
}

template <class Space, bool Vendor>
void class_moments(Space const& space, RedunetBuildScratch<Space> const& scratch, PackedMoments const& at) {
  std::int64_t const tile = MomentOfClass<Space, Vendor>::tile, tiles = (at.dim + tile - 1) / tile;
  std::int64_t const pairs = tiles * (tiles + 1) / 2;
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::moments"), rows(space, at.classes * pairs),
                       MomentOfClass<Space, Vendor>{scratch, pairs});
}

template <class Space, bool Vendor>
void invert_factors(Space const& space, RedunetBuildScratch<Space> const& scratch) {
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::invert"),
                       rows(space, scratch.factors.extent(0) * InvertFactors<Space, Vendor>::shares),
                       InvertFactors<Space, Vendor>{scratch.factors, scratch.inverses});
}

/// Leaves behind in `scratch`: the sorted samples and their order, and the packed moments and counts of all ranks.
template <class Space, class T>
void build_redunet_maps(Space const& space, comm::Communicator const& comm, ConstStrided<T, Space> z,
                        ConstVector<Label, Space> labels, ClassRateOptions const& options,
                        RedunetBuildScratch<Space> const& scratch, Matrix<T, Space> expansion,
                        Tensor3<T, Space> compression, Vector<T, Space> weights, Vector<double, Space> rates,
                        Value<NumericalStatus, Space> status) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::redunet_layer_build"));
  std::size_t const samples = z.extent(0), dim = z.extent(1), classes = options.classes;
  PackedMoments const at{static_cast<std::int64_t>(dim), static_cast<std::int64_t>(classes)};
  bool const vendor = use_vendor("krate::redunet_layer_build", options.route, has_host_blas<Space> && dim <= INT_MAX);

  sort_by_class<Space>(space, labels, scratch.order, at.dim, {});
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::gather"), impl::rows(space, samples),
                       GatherRows<Space, T>{z, scratch.order.order, scratch.sorted});
  if constexpr (has_host_blas<Space>) {
    vendor ? class_moments<Space, true>(space, scratch, at) : class_moments<Space, false>(space, scratch, at);
  } else {
    class_moments<Space, false>(space, scratch, at);
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::pack"), impl::rows(space, classes * dim),
                       PackMoments<Space>{scratch, at});
  sum_over_ranks(space, comm, scratch.packed);

  RedunetAlpha<Space> const alpha{scratch.packed, at, static_cast<double>(dim) / options.eps_squared};
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::scale"), impl::rows(space, (classes + 1) * dim),
                       ScaleMoments<Space>{alpha, scratch.factors, scratch.inverses});
  batched_cholesky(space, scratch.factors, status, options.route);
  batched_log_det(space, scratch.factors, scratch.log_dets);
  if constexpr (has_host_blas<Space>) {
    vendor ? invert_factors<Space, true>(space, scratch) : invert_factors<Space, false>(space, scratch);
  } else {
    invert_factors<Space, false>(space, scratch);
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::maps"), impl::rows(space, (classes + 1) * dim),
                       WriteMaps<Space, T>{alpha, scratch.inverses, expansion, compression});
  Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_build::weights"), elements(space, 1),
                       WriteWeights<Space, T>{alpha, scratch.log_dets, weights, rates});
}

template <class Space, class T>
void RedunetLayer<Space, T>::build(Space const& space, comm::Communicator const& comm, ConstStrided<T, Space> z,
                                   ConstVector<Label, Space> labels, ClassRateOptions const& options,
                                   Workspace<Space> work, Matrix<T, Space> expansion, Tensor3<T, Space> compression,
                                   Vector<T, Space> weights, Vector<double, Space> rates,
                                   Value<NumericalStatus, Space> status) {
  RedunetBuildScratch<Space> const scratch(work, z.extent(0), z.extent(1), options.classes);
  build_redunet_maps<Space, T>(space, comm, z, labels, options, scratch, expansion, compression, weights, rates,
                               status);
}

/// One team a row of z.
template <class Space, class T>
struct RedunetRow {
  ConstMatrix<T, Space> z, expanded, compressed;
  ConstVector<T, Space> weights;
  T eta, lambda_s;
  Matrix<T, Space> moved, z_next, logits;  ///< `moved` is `expanded`
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    std::int64_t const dim = static_cast<std::int64_t>(z.extent(1)),
                       classes = static_cast<std::int64_t>(weights.extent(0));
    T largest = Kokkos::Experimental::finite_min_v<T>;
    for (std::int64_t k = 0; k < classes; ++k) {
      T const square = row_sum<T>(team, dim, [&](std::int64_t j) {
        T const p = compressed(r, k * dim + j);
        return p * p;
      });
      T const norm = Kokkos::sqrt(square), logit = -lambda_s * (norm < T(1e-8) ? T(1e-8) : norm);
      bool const counts = weights(k) != T(0);
      if (counts && logit > largest) largest = logit;
      Kokkos::single(Kokkos::PerTeam(team),
                     [&]() { logits(r, k) = counts ? logit : Kokkos::Experimental::finite_min_v<T>; });
    }
    team.team_barrier();
    T sum = 0;
    for (std::int64_t k = 0; k < classes; ++k)
      if (weights(k) != T(0)) sum += Kokkos::exp(logits(r, k) - largest);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { moved(r, j) = z(r, j) + eta * expanded(r, j); });
    for (std::int64_t k = 0; k < classes; ++k) {
      if (weights(k) == T(0)) continue;
      T const share = eta * weights(k) * (Kokkos::exp(logits(r, k) - largest) / sum);
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                           [&](std::int64_t j) { moved(r, j) -= share * compressed(r, k * dim + j); });
    }
    team.team_barrier();
    T const length = length_of_row(team, moved, r);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { z_next(r, j) = moved(r, j) / length; });
  }
  /// At least 1e-12.
  template <class M>
  KOKKOS_FUNCTION static T length_of_row(RowMember<Space> const& team, M const& x, std::int64_t r) {
    T const square =
        row_sum<T>(team, static_cast<std::int64_t>(x.extent(1)), [&](std::int64_t j) { return x(r, j) * x(r, j); });
    T const length = Kokkos::sqrt(square);
    return length < T(1e-12) ? T(1e-12) : length;
  }
};

template <class Space, class T>
struct UnitRow {
  ConstMatrix<T, Space> x;
  Matrix<T, Space> z;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    T const length = RedunetRow<Space, T>::length_of_row(team, x, r);
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(x.extent(1))),
                         [&](int j) { z(r, j) = x(r, j) / length; });
  }
};

template <class M>
M rows_of(M const& m, std::size_t begin, std::size_t count) {
  return Kokkos::subview(m, Kokkos::pair<std::size_t, std::size_t>(begin, begin + count), Kokkos::ALL);
}

template <class Space, class T>
void RedunetLayer<Space, T>::forward(Space const& space, ConstMatrix<T, Space> z, ConstMatrix<T, Space> expansion,
                                     ConstTensor3<T, Space> compression, ConstVector<T, Space> weights,
                                     RedunetStep const& step, Workspace<Space> work, Matrix<T, Space> z_next,
                                     Matrix<T, Space> logits) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::redunet_layer_forward"));
  std::size_t const samples = z.extent(0), dim = z.extent(1), classes = weights.extent(0);
  using Scratch = RedunetForwardScratch<Space, T>;
  Scratch const scratch(work, samples, dim, classes);
  ConstMatrix<T, Space> const all_maps(compression.data(), classes * dim, dim);  // symmetric: as good as transposed
  for (std::size_t begin = 0; begin < samples; begin += Scratch::chunk) {
    std::size_t const count = std::min(Scratch::chunk, samples - begin);
    auto const part = rows_of(z, begin, count);
    auto const expanded = rows_of(scratch.expanded, 0, count), compressed = rows_of(scratch.compressed, 0, count);
    gemm(space, "N", "N", 1, part, expansion, 0, expanded);
    gemm(space, "N", "T", 1, part, all_maps, 0, compressed);
    Kokkos::parallel_for(KRATE_LABEL("krate::redunet_layer_forward::move"), rows(space, count),
                         RedunetRow<Space, T>{part, expanded, compressed, weights, static_cast<T>(step.eta),
                                              static_cast<T>(step.lambda_s), expanded, rows_of(z_next, begin, count),
                                              rows_of(logits, begin, count)});
  }
}

template <class Space, class T>
void RedunetLayer<Space, T>::normalize(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> z) {
  Kokkos::parallel_for(KRATE_LABEL("krate::normalize_rows"), rows(space, x.extent(0)), UnitRow<Space, T>{x, z});
}

}  // namespace krate::impl
