// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/fetch.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"

namespace krate {

/// Cholesky factorization of each matrix of a batch, in place: A = L L^T. On return the lower triangle with the
/// diagonal holds L; the strictly upper one holds what it held.
/// @param a       [batch, n, n] LayoutRight and contiguous, symmetric positive definite; only lower triangles are read
/// @param status  set to the first failure of the batch, or to no failure; see check()
/// @throws ShapeError if the matrices are not square; NotBuiltError if Route::vendor cannot be had
/// @note allocates: no; fences: no; bitwise repeatable: yes. A bad pivot (not positive, or NaN) is reported in
/// `status`;
///       the diagonal of its matrix becomes NaN, so that nothing computed from it can look right.
template <class Space, class A>
void batched_cholesky(Space const& space, A const& a, Value<NumericalStatus, Space> const& status,
                      Route route = Route::automatic) {
  using T = typename A::value_type;
  require_shape("krate::batched_cholesky", "a", a, {a.extent(0), a.extent(1), a.extent(1)}, "square matrices");
  impl::Cholesky<Space, T>::run(space, as_tensor3<Space>(a), status, route);
}

/// The same for one matrix [n, n], LayoutRight and contiguous. @throws as batched_cholesky(); ValueError if it has gaps
template <class Space, class A>
void cholesky(Space const& space, A const& a, Value<NumericalStatus, Space> const& status,
              Route route = Route::automatic) {
  using T = typename A::value_type;
  require_shape("krate::cholesky", "a", a, {a.extent(0), a.extent(0)}, "a square matrix");
  require_value(a.span_is_contiguous(), "krate::cholesky", "a", "strided", "must be contiguous");
  impl::Cholesky<Space, T>::run(space, Tensor3<T, Space>(a.data(), 1, a.extent(0), a.extent(1)), status, route);
}

/// Waits for `space`. @throws NumericalError with matrix, pivot and its value if a factorization failed
/// @note allocates: no; fences: yes, once
template <class Space>
void check(Space const& space, char const* where, Value<NumericalStatus, Space> const& status) {
  NumericalStatus const found = fetch(space, status, KRATE_LABEL("krate::check: status is read"));
  if (found.failed()) impl::throw_not_definite(where, found);
}

}  // namespace krate
