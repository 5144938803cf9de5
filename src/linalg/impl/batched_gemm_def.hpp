// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/batched_gemm_decl.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

template <class T, class Space>
KOKKOS_INLINE_FUNCTION Strided<T, Space> member(StridedBatch<T, Space> const& v, std::int64_t item) {
  std::int64_t const inner = static_cast<std::int64_t>(v.extent(1));
  return Strided<T, Space>(v.data() + (item / inner) * v.stride(0) + (item % inner) * v.stride(1),
                           Kokkos::LayoutStride(v.extent(2), v.stride(2), v.extent(3), v.stride(3)));
}

/// One team a matrix; on a host BLAS itself stays on one thread inside a parallel loop.
template <class Space, class T, bool Vendor>
struct MultiplyEach {
  StridedBatch<T const, Space> a, b;
  StridedBatch<T, Space> c;
  T alpha, beta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const item = team.league_rank();
    Team<Space, T, Vendor>::gemm(team, alpha, member<T const, Space>(a, item), member<T const, Space>(b, item), beta,
                                 member<T, Space>(c, item));
  }
};

template <class Space, class T>
void BatchedGemm<Space, T>::run(Space const& space, T alpha, StridedBatch<T const, Space> a,
                                StridedBatch<T const, Space> b, T beta, StridedBatch<T, Space> c, Route route) {
  if (c.size() == 0) return;
  std::size_t const items = c.extent(0) * c.extent(1);
  Operand const oa = operand(member<T const, Space>(a, 0)), ob = operand(member<T const, Space>(b, 0)),
                oc = operand(member<T, Space>(c, 0));
  bool const possible = has_host_blas<Space> && oa.good && ob.good && oc.good && oc.normal && a.extent(3) > 0;
  if (use_vendor("krate::batched_gemm", a.extent(3) > 0 ? route : Route::portable, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::batched_gemm[vendor]"));
      Kokkos::parallel_for(KRATE_LABEL("krate::batched_gemm::vendor"), rows(space, items),
                           MultiplyEach<Space, T, true>{a, b, c, alpha, beta});
    }
#endif
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::batched_gemm::portable"), rows(space, items),
                       MultiplyEach<Space, T, false>{a, b, c, alpha, beta});
}

}  // namespace krate::impl
