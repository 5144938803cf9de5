// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"
#include "krate/linalg/impl/triangular_solve_decl.hpp"

namespace krate {

/// Solves op(L) X = B in place, L lower triangular as cholesky() leaves it; "N" is L, "T" its transpose.
/// @param l  [n, n], only the lower triangle is read     @param b  [n, columns], any layout, zero copy; B in, X out
/// @throws ShapeError if extents disagree; ValueError for a transposition that is neither "N" nor "T"
/// @note allocates: no; fences: no; bitwise repeatable: yes. A zero on the diagonal gives infinities.
template <class Space, class L, class B>
void triangular_solve(Space const& space, char const* trans, L const& l, B const& b, Route route = Route::automatic) {
  using T = typename B::value_type;
  constexpr char const* where = "krate::triangular_solve";
  require_shape(where, "l", l, {b.extent(0), b.extent(0)}, "n is b.extent(0)");
  impl::TriangularSolve<Space, T>::run(space, impl::is_transposed(where, trans), as_strided<Space>(l),
                                       as_strided<Space>(b), route);
}

}  // namespace krate
