// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/team_products.hpp"

namespace krate::games::impl {

/// The nearest matrix with orthonormal rows, or columns where those are fewer, in place: Newton and Schulz's iteration,
/// which is products alone. @param gram, next  scratch, [the lesser side, the same] and [rows, columns]
template <class Space>
KOKKOS_INLINE_FUNCTION void make_orthogonal(krate::impl::RowMember<Space> const& team, int rows, int columns, double* m,
                                            double* gram, double* next) {
  TeamProducts<Space> const do_{team};
  bool const wide = rows <= columns;
  int const side = wide ? rows : columns;
  for (int iteration = 0; iteration < 100; ++iteration) {
    wide ? do_.nt(side, side, columns, 1, m, m, 0, gram) : do_.tn(side, side, rows, 1, m, m, 0, gram);
    double const off = total<Space>(team, side * side, [=](int e) {
      double const x = gram[e] - (e / side == e % side ? 1 : 0);
      return x * x;
    });
    double scale = 1;
    if (iteration == 0 && off > 0.25) {  // far away: all singular values below 1 first
      scale = 1 / Kokkos::sqrt(Kokkos::sqrt(total<Space>(team, side * side, [=](int e) { return gram[e] * gram[e]; })));
    }
    do_.copy(rows * columns, m, next);
    double const cube = -0.5 * scale * scale * scale;
    wide ? do_.nn(rows, columns, side, cube, gram, next, 1.5 * scale, m)
         : do_.nn(rows, columns, side, cube, next, gram, 1.5 * scale, m);
    if (!(off > 1e-16)) return;  // that was the step that squares it
  }
}

}  // namespace krate::games::impl
