// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/batched_gemm.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/soft_coding_rate_decl.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/soft_rate_kernels.hpp"

namespace krate::impl {

/// The K matrices of a batch.
template <class Space>
Tensor4<double, Space> batch_of(Tensor3<double, Space> const& m) {
  return Tensor4<double, Space>(m.data(), 1, m.extent(0), m.extent(1), m.extent(2));
}
/// The first `rows` rows of a chunk, once a class or the same for all.
template <class Space>
Tensor4<double, Space> batch_of(Tensor3<double, Space> const& scaled, std::size_t rows) {
  return Tensor4<double, Space>(scaled.data(), 1, scaled.extent(0), rows, scaled.extent(2));
}
template <class Space>
StridedBatch<double const, Space> for_all(Matrix<double, Space> const& chunk, std::size_t classes, std::size_t rows) {
  std::size_t const d = chunk.extent(1);
  return StridedBatch<double const, Space>(chunk.data(), Kokkos::LayoutStride(1, 0, classes, 0, rows, d, d, 1));
}

/// Calls work(first row, rows) for each chunk.
template <class Work>
void for_chunks(std::size_t samples, std::size_t chunk, Work const& work) {
  for (std::size_t begin = 0; begin < samples; begin += chunk) work(begin, std::min(chunk, samples - begin));
}

/// Factors of S_k = I + alpha_k Z^T Pi_k Z and their rates.
template <class Space, class T>
void factorize_classes(Space const& space, SoftSamples<Space, T> const& samples, SoftRateScratch<Space> const& s,
                       Vector<double, Space> per_class, Route route) {
  std::size_t const classes = s.factors.extent(0), d = s.factors.extent(1);
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::weights"), rows(space, classes),
                       SumWeights<Space, T>{samples.memberships, s.weights});
  for_chunks(samples.z.extent(0), s.scaled.extent(1), [&](std::size_t begin, std::size_t take) {
    auto const scaled = batch_of(s.scaled, take);
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::scale"), rows(space, take),
                         ScaleBySoftRoots<Space, T>{samples, scaled, static_cast<std::int64_t>(begin)});
    batched_gemm(space, "T", "N", 1, scaled, scaled, begin == 0 ? 0 : 1, batch_of(s.factors), route);
  });
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::add_identity"), elements(space, classes * d * d),
                       MomentToS<Space>{s, samples.dim_over_eps_squared});
  if (use_vendor("krate::soft_coding_rate", route, has_host_blas<Space> && d <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) {
      Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::factor[vendor]"), rows(space, classes),
                           SoftFactor<Space, T, true>{samples, s, per_class});
    }
  } else {
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::factor[portable]"), rows(space, classes),
                         SoftFactor<Space, T, false>{samples, s, per_class});
  }
}

/// Rows of each class times S_k^{-1}, in place. Solves, not inverses: what lies along large eigenvalues keeps its
/// digits.
template <class Space>
void solve_classes(Space const& space, SoftRateScratch<Space> const& s, Tensor4<double, Space> const& y, Route route) {
  std::size_t const teams = y.extent(1) * soft_shares;
  if (use_vendor("krate::soft_coding_rate", route, has_host_blas<Space> && y.extent(3) <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) {
      Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::solve[vendor]"), rows(space, teams),
                           SolveClassRows<Space, true>{s.factors, y});
    }
  } else {
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::solve[portable]"), rows(space, teams),
                         SolveClassRows<Space, false>{s.factors, y});
  }
}

/// The same rows for each class.
template <class Space, class T>
void spread_rows(Space const& space, ConstStrided<T, Space> const& z, std::size_t begin,
                 Tensor4<double, Space> const& to) {
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::spread"), rows(space, to.extent(2)),
                       SpreadRows<Space, T>{z, to, static_cast<std::int64_t>(begin)});
}

template <class Space, class T>
void SoftCodingRate<Space, T>::run(Space const& space, ConstStrided<T, Space> z, ConstStrided<T, Space> memberships,
                                   SoftRateOptions const& options, Workspace<Space> work, Value<double, Space> rate,
                                   Vector<double, Space> per_class, Strided<T, Space> dz,
                                   Strided<T, Space> dmemberships) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::soft_coding_rate"));
  std::size_t const n = z.extent(0), d = z.extent(1), classes = memberships.extent(1);
  if (n == 0 || d == 0) {
    fill(space, per_class, 0);
    return fill(space, rate, 0);
  }
  using Scratch = SoftRateScratch<Space>;
  bool const derivatives = dz.data() || dmemberships.data();
  Scratch const s(work, n, d, classes, derivatives ? Scratch::For::gradient : Scratch::For::value);
  SoftSamples<Space, T> const samples{z, memberships, static_cast<double>(d) / options.eps_squared};
  factorize_classes(space, samples, s, per_class, options.route);
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::sum"), elements(space, 1),
                       SoftSum<Space>{s.weights, per_class, static_cast<double>(n), rate});
  if (!derivatives) return;
  if (dmemberships.data()) {
    auto const inverses = batch_of(s.products);
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::identity"), elements(space, inverses.size()),
                         SetIdentities<Space>{s.products});
    solve_classes(space, s, inverses, options.route);
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::trace"), rows(space, classes), Traces<Space>{s});
  }
  for_chunks(n, s.scaled.extent(1), [&](std::size_t begin, std::size_t take) {
    auto const first = static_cast<std::int64_t>(begin);
    auto const solved = batch_of(s.scaled, take);
    spread_rows(space, z, begin, solved);
    solve_classes(space, s, solved, options.route);
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::gradient"), rows(space, take),
                         SoftGradient<Space, T>{samples, s, per_class, solved, first, dz, dmemberships});
  });
}

template <class Space, class T>
void SoftCodingRate<Space, T>::hessian_product(Space const& space, ConstStrided<T, Space> z,
                                               ConstStrided<T, Space> memberships, SoftRateOptions const& options,
                                               ConstStrided<T, Space> direction, Workspace<Space> work,
                                               Strided<T, Space> product) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::soft_coding_rate_hessian_product"));
  std::size_t const n = z.extent(0), d = z.extent(1), classes = memberships.extent(1);
  if (n == 0 || d == 0) return;
  auto const per_class = work.template take<double>(classes);
  SoftRateScratch<Space> const s(work, n, d, classes, SoftRateScratch<Space>::For::hessian);
  SoftSamples<Space, T> const samples{z, memberships, static_cast<double>(d) / options.eps_squared};
  factorize_classes(space, samples, s, per_class, options.route);
  // products = alpha_k M_k, M_k = sum_i pi_ik (z_i d_i^T + d_i z_i^T)
  for_chunks(n, s.scaled.extent(1), [&](std::size_t begin, std::size_t take) {
    auto const first = static_cast<std::int64_t>(begin);
    auto const scaled = batch_of(s.scaled, take);
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::convert"), rows(space, take),
                         RowsInDouble<Space, T>{direction, s.directions, first});
    Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::scale"), rows(space, take),
                         ScaleByMemberships<Space, T>{samples, scaled, first});
    batched_gemm(space, "T", "N", 1, scaled, for_all(s.directions, classes, take), begin == 0 ? 0 : 1,
                 batch_of(s.products), options.route);
  });
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::symmetrize"), rows(space, classes * d),
                       AddTranspose<Space>{s.weights, samples.dim_over_eps_squared, s.products});
  // S^{-1} (d_i - alpha_k M_k S^{-1} z_i)
  for_chunks(n, s.scaled.extent(1), [&](std::size_t begin, std::size_t take) {
    auto const solved = batch_of(s.scaled, take), changed = batch_of(s.changed, take);
    spread_rows(space, z, begin, solved);
    solve_classes(space, s, solved, options.route);
    spread_rows(space, direction, begin, changed);
    batched_gemm(space, "N", "N", -1, solved, batch_of(s.products), 1, changed, options.route);
    solve_classes(space, s, changed, options.route);
    Kokkos::parallel_for(
        KRATE_LABEL("krate::soft_coding_rate::product"), rows(space, take),
        SoftGradient<Space, T>{samples, s, per_class, changed, static_cast<std::int64_t>(begin), product, {}});
  });
}

template <class Space, class T>
void SoftCodingRate<Space, T>::one_hot(Space const& space, ConstVector<Label, Space> labels,
                                       Matrix<T, Space> memberships) {
  Kokkos::parallel_for(KRATE_LABEL("krate::soft_coding_rate::one_hot"), elements(space, memberships.size()),
                       OneHot<Space, T>{labels, memberships});
}

}  // namespace krate::impl
