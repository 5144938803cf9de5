// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/triangular_solve_decl.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

/// One work item a column of B.
template <class Space, class T>
struct SolveColumns {
  bool transpose;
  ConstStrided<T, Space> l;
  Strided<T, Space> b;
  KOKKOS_FUNCTION void operator()(std::int64_t c) const { Team<Space, T, false>::solve_column(transpose, l, b, c); }
};

template <class Space, class T>
void TriangularSolve<Space, T>::run(Space const& space, bool transpose, ConstStrided<T, Space> l, Strided<T, Space> b,
                                    Route route) {
  if (b.extent(0) == 0 || b.extent(1) == 0) return;
  bool const possible = has_host_blas<Space> && operand(l).good && operand(b).good;
  if (use_vendor("krate::triangular_solve", route, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::triangular_solve[vendor]"));
      host_solve(transpose, l, b);
    }
#endif
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::triangular_solve::portable"), elements(space, b.extent(1)),
                       SolveColumns<Space, T>{transpose, l, b});
}

}  // namespace krate::impl
