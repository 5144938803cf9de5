// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/gram_decl.hpp"
#include "linalg/impl/vendor.hpp"

namespace krate::impl {

/// One team a row i of G: entries j <= i, each written twice.
template <class Space, class T>
struct PortableGram {
  ConstStrided<T, Space> z;
  Matrix<T, Space> g;
  T alpha, beta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const i = static_cast<int>(team.league_rank()), samples = static_cast<int>(z.extent(0));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, i + 1), [&](int j) {
      T sum = 0;
      for (int k = 0; k < samples; ++k) sum += z(k, i) * z(k, j);
      T const value = beta == T(0) ? alpha * sum : alpha * sum + beta * g(i, j);
      g(i, j) = value;
      g(j, i) = value;
    });
  }
};

template <class Space, class T>
struct MirrorLower {
  Matrix<T, Space> g;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const i = static_cast<int>(team.league_rank()), n = static_cast<int>(g.extent(0));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, i + 1, n), [&](int j) { g(i, j) = g(j, i); });
  }
};

template <class Space, class T>
void Gram<Space, T>::run(Space const& space, T alpha, ConstStrided<T, Space> z, T beta, Matrix<T, Space> g,
                         Route route) {
  std::size_t const dim = z.extent(1);
  if (dim == 0) return;
  Operand const oz = operand(z), og = operand(g);
  bool const possible = has_host_blas<Space> && oz.good && og.good && z.extent(0) > 0;
  if (use_vendor("krate::gram", z.extent(0) > 0 ? route : Route::portable, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::gram[vendor]"));
      // To BLAS a row-major Z is Z^T: "N" multiplies it with its transpose; its upper triangle is our lower one.
      Blas<T>::herk('U', oz.normal ? 'N' : 'T', static_cast<int>(dim), static_cast<int>(z.extent(0)), alpha, z.data(),
                    oz.leading, beta, g.data(), og.leading);
    }
#endif
    Kokkos::parallel_for(KRATE_LABEL("krate::gram::mirror"), rows(space, dim), MirrorLower<Space, T>{g});
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::gram::portable"), rows(space, dim),
                       PortableGram<Space, T>{z, g, alpha, beta});
}

}  // namespace krate::impl
