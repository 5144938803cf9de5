// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

/// One team a matrix. On a host with a single matrix, LAPACK is called outside of any kernel and uses all its threads.
template <class Space, class T, bool Vendor>
struct FactorEach {
  Tensor3<T, Space> a;
  Value<NumericalStatus, Space> status;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const m = team.league_rank(), n = static_cast<std::int64_t>(a.extent(1));
    std::int64_t const pivot = Team<Space, T, Vendor>::cholesky(team, a.data() + m * n * n, static_cast<int>(n));
    if (pivot >= 0)
      Kokkos::single(Kokkos::PerTeam(team), [&]() { Kokkos::atomic_min(&status().first, (m << 31) | pivot); });
  }
};

template <class Space, class T>
void Cholesky<Space, T>::run(Space const& space, Tensor3<T, Space> a, Value<NumericalStatus, Space> status,
                             Route route) {
  fill(space, status, NumericalStatus{});
  if (a.size() == 0) return;
  bool const possible = has_host_blas<Space> && a.extent(1) <= INT_MAX;
  if (use_vendor("krate::cholesky", route, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::cholesky[vendor]"));
      if (a.extent(0) == 1) {
        std::int64_t const pivot = host_cholesky(a.data(), static_cast<int>(a.extent(1)));
        if (pivot >= 0) status().first = pivot;
      } else {
        Kokkos::parallel_for(KRATE_LABEL("krate::cholesky::vendor"), rows(space, a.extent(0)),
                             FactorEach<Space, T, true>{a, status});
      }
    }
#endif
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::cholesky::portable"), rows(space, a.extent(0)),
                       FactorEach<Space, T, false>{a, status});
}

}  // namespace krate::impl
