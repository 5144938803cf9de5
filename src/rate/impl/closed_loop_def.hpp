// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/batched_gemm.hpp"
#include "krate/linalg/elementwise.hpp"
#include "rate/impl/closed_loop_kernels.hpp"

namespace krate::impl {

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
