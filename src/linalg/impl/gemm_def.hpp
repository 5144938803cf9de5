// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"
#include "linalg/impl/run_onednn.hpp"
#include "linalg/impl/vendor.hpp"

namespace krate::impl {

/// One team a row of C; its members share the columns.
template <class Space, class T>
struct PortableGemm {
  ConstStrided<T, Space> a, b;
  Strided<T, Space> c;
  T alpha, beta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const columns = static_cast<int>(c.extent(1)), inner = static_cast<int>(a.extent(1));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, columns), [&](int j) {
      T sum = 0;
      for (int k = 0; k < inner; ++k) sum += a(i, k) * b(k, j);
      c(i, j) = beta == T(0) ? alpha * sum : alpha * sum + beta * c(i, j);
    });
  }
};

template <class Space, class T>
void Gemm<Space, T>::run(Space const& space, T alpha, ConstStrided<T, Space> a, ConstStrided<T, Space> b, T beta,
                         Strided<T, Space> c, Route route) {
  if (c.extent(0) == 0 || c.extent(1) == 0) return;
  Operand const oa = operand(a), ob = operand(b), oc = operand(c);
  if (oc.good && !oc.normal) return run(space, alpha, transposed(b), transposed(a), beta, transposed(c), route);
  if (route == Route::automatic && (beta == T(0) || beta == T(1))) {
    OnednnProduct more;
    more.alpha = static_cast<float>(alpha);
    if (beta == T(1)) more.addend = OnednnProduct::Addend::result;
    if (run_onednn<Space, T>(a, b, more, nullptr, nullptr, c)) return;
  }
  bool const possible = has_host_blas<Space> && oa.good && ob.good && oc.good && a.extent(1) > 0;
  if (use_vendor("krate::gemm", a.extent(1) > 0 ? route : Route::portable, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::gemm[vendor]"));
      // BLAS counts columns first: it is asked for the transpose, C^T = op(B)^T op(A)^T.
      Blas<T>::gemm(ob.normal ? 'N' : 'T', oa.normal ? 'N' : 'T', static_cast<int>(c.extent(1)),
                    static_cast<int>(c.extent(0)), static_cast<int>(a.extent(1)), alpha, b.data(), ob.leading, a.data(),
                    oa.leading, beta, c.data(), oc.leading);
    }
#endif
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::gemm::portable"), rows(space, c.extent(0)),
                       PortableGemm<Space, T>{a, b, c, alpha, beta});
}

}  // namespace krate::impl
