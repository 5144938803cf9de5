// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/batched_gemm.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/head_rates_decl.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/rate_kernels.hpp"

namespace krate::impl {

/// One team a head of a sample.
template <class Space>
struct RateOfHead {
  ConstTensor3<double, Space> w;
  double gamma;
  std::int64_t heads;
  HeadScratch<Space> scratch;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const item = team.league_rank();
    std::int64_t const b = item / heads, k = item % heads;
    auto const p = static_cast<int>(scratch.factors.extent(1));
    double* const l = scratch.factors.data() + item * p * p;
    FactorRate const found = rate_of_factor(team, l, &scratch.diagonal(item, 0), p);
    double rate = found.rate;
    if (found.is_poor()) {
      std::size_t const columns = scratch.factors.extent(1);
      ConstStrided<double, Space> const a(&w(b, 0, k * p), Kokkos::LayoutStride(w.extent(1), w.extent(2), columns, 1));
      rate = factor_by_rotations(team, gamma, a, l, &scratch.spare(item, 0), p);
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { scratch.rates(item) = rate; });
  }
};

/// One work item a sample, its heads in order.
template <class Space>
struct SumOverHeads {
  ConstVector<double, Space> of_heads;
  std::int64_t heads;
  Vector<double, Space> rates;
  KOKKOS_FUNCTION void operator()(std::int64_t b) const {
    double sum = 0;
    for (std::int64_t k = b * heads; k < (b + 1) * heads; ++k) sum += of_heads(k);
    rates(b) = sum;
  }
};

/// One team a head of a sample.
template <class Space, bool Vendor>
struct SolveHead {
  Tensor3<double, Space> w;
  ConstTensor3<double, Space> factors;
  std::int64_t heads;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const b = team.league_rank() / heads, k = team.league_rank() % heads;
    std::size_t const p = factors.extent(1), pitch = w.extent(2);
    Strided<double, Space> const columns(&w(b, 0, k * p), Kokkos::LayoutStride(p, 1, w.extent(1), pitch));
    ConstStrided<double, Space> const l(&factors(team.league_rank(), 0, 0), Kokkos::LayoutStride(p, p, p, 1));
    Team<Space, double, Vendor>::solve(team, false, l, columns);
    Team<Space, double, Vendor>::solve(team, true, l, columns);
  }
};

template <class Space, class T>
void HeadRates<Space, T>::factorize(Space const& space, ConstTensor3<T, Space> w, std::size_t heads, double gamma,
                                    HeadScratch<Space> const& scratch, Vector<double, Space> rates, Route route) {
  std::size_t const batch = w.extent(0), p = scratch.factors.extent(1);
  auto const split = by_head(w, heads);
  batched_gemm(space, "T", "N", gamma, split, split, 0,
               Tensor4<double, Space>(scratch.factors.data(), batch, heads, p, p), route);
  Kokkos::parallel_for(KRATE_LABEL("krate::head_rates::add_identity"), elements(space, batch * heads * p),
                       AddIdentity<Space>{scratch.factors, scratch.diagonal});
  batched_cholesky(space, scratch.factors, scratch.status, route);
  auto const h = static_cast<std::int64_t>(heads);
  Kokkos::parallel_for(KRATE_LABEL("krate::head_rates::rate"), rows(space, batch * heads),
                       RateOfHead<Space>{w, gamma, h, scratch});
  Kokkos::parallel_for(KRATE_LABEL("krate::head_rates::sum"), elements(space, batch),
                       SumOverHeads<Space>{scratch.rates, h, rates});
}

template <class Space, class T>
void HeadRates<Space, T>::multiply_inverse(Space const& space, HeadScratch<Space> const& scratch, std::size_t heads,
                                           Tensor3<T, Space> w, Route route) {
  if (w.size() == 0) return;
  auto const h = static_cast<std::int64_t>(heads);
  std::size_t const items = w.extent(0) * heads;
  if (use_vendor("krate::head_rates", route, has_host_blas<Space> && w.extent(1) <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) {
      Kokkos::parallel_for(KRATE_LABEL("krate::head_rates::solve[vendor]"), rows(space, items),
                           SolveHead<Space, true>{w, scratch.factors, h});
    }
  } else {
    Kokkos::parallel_for(KRATE_LABEL("krate::head_rates::solve[portable]"), rows(space, items),
                         SolveHead<Space, false>{w, scratch.factors, h});
  }
}

}  // namespace krate::impl
