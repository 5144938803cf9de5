// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"
#include "krate/linalg/impl/triangular_inverse_decl.hpp"

namespace krate {

/// The inverse of a lower triangular matrix as cholesky() leaves it, its upper triangle zero. Where many right-hand
/// sides follow, one inverse and triangular_multiply() take less time than triangular_solve().
/// @param l  [n, n] LayoutRight, only the lower triangle is read     @param inverse  [n, n] LayoutRight, not `l` itself
/// @throws ShapeError if extents disagree; NotBuiltError if Route::vendor cannot be had
/// @note allocates: no; fences: no; bitwise repeatable: yes. A NaN on the diagonal gives NaN there and in what hangs on
/// it.
template <class Space, class L, class X>
void triangular_inverse(Space const& space, L const& l, X const& inverse, Route route = Route::automatic) {
  using T = typename X::value_type;
  constexpr char const* where = "krate::triangular_inverse";
  require_shape(where, "l", l, {inverse.extent(0), inverse.extent(0)}, "n is inverse.extent(0)");
  require_shape(where, "inverse", inverse, {inverse.extent(0), inverse.extent(0)}, "a square matrix");
  impl::TriangularInverse<Space, T>::run(space, as_matrix<Space>(l), as_matrix<Space>(inverse), route);
}

/// B = op(L) B in place, L lower triangular; "N" is L, "T" its transpose.
/// @param l  [n, n], only the lower triangle is read     @param b  [n, columns], any layout, zero copy
/// @throws ShapeError if extents disagree; ValueError for a transposition that is neither "N" nor "T"
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class L, class B>
void triangular_multiply(Space const& space, char const* trans, L const& l, B const& b,
                         Route route = Route::automatic) {
  using T = typename B::value_type;
  constexpr char const* where = "krate::triangular_multiply";
  require_shape(where, "l", l, {b.extent(0), b.extent(0)}, "n is b.extent(0)");
  impl::TriangularMultiply<Space, T>::run(space, impl::is_transposed(where, trans), as_strided<Space>(l),
                                          as_strided<Space>(b), route);
}

}  // namespace krate
