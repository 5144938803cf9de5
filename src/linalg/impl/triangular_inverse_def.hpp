// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/triangular_inverse_decl.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

/// One team a row: L below the diagonal, zero above; or the identity.
template <class Space, class T>
struct StartInverse {
  ConstMatrix<T, Space> l;
  Matrix<T, Space> inverse;
  bool identity;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const i = static_cast<int>(team.league_rank()), n = static_cast<int>(l.extent(0));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int j) {
      inverse(i, j) = identity ? T(i == j) : j <= i ? l(i, j) : T(0);
    });
  }
};

/// One work item a column of the inverse.
template <class Space, class T>
struct InverseColumns {
  ConstStrided<T, Space> l;
  Strided<T, Space> inverse;
  KOKKOS_FUNCTION void operator()(std::int64_t c) const { Team<Space, T, false>::solve_column(false, l, inverse, c); }
};

template <class Space, class T>
void TriangularInverse<Space, T>::run(Space const& space, ConstMatrix<T, Space> l, Matrix<T, Space> inverse,
                                      Route route) {
  std::size_t const n = l.extent(0);
  if (n == 0) return;
  bool const vendor =
      use_vendor("krate::triangular_inverse", route, has_host_blas<Space> && operand(l).good && operand(inverse).good);
  Kokkos::parallel_for(KRATE_LABEL("krate::triangular_inverse::start"), rows(space, n),
                       StartInverse<Space, T>{l, inverse, !vendor});
  if (vendor) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::triangular_inverse[vendor]"));
      host_invert(inverse.data(), static_cast<int>(n), operand(inverse).leading);
    }
#endif
    return;
  }
  Kokkos::parallel_for(
      KRATE_LABEL("krate::triangular_inverse::portable"), elements(space, n),
      InverseColumns<Space, T>{ConstStrided<T, Space>(l.data(), Kokkos::LayoutStride(n, l.stride(0), n, 1)),
                               Strided<T, Space>(inverse.data(), Kokkos::LayoutStride(n, inverse.stride(0), n, 1))});
}

}  // namespace krate::impl
