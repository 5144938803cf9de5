// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/symmetric_eigen_decl.hpp"

namespace krate {

/// Bytes that batched_symmetric_eigen() needs for matrices [batch, n, n] of T; less for eigenvalues alone.
template <class T>
std::size_t symmetric_eigen_workspace(std::size_t batch, std::size_t n, bool vectors) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { impl::EigenScratch<Space, T>(work, batch, n, vectors); });
}

/// Eigenvalues of each symmetric matrix of a batch, ascending; for matrices of up to a few hundred rows.
/// @param a       [batch, n, n] LayoutRight and contiguous; only lower triangles are read, nothing is written
/// @param work    at least symmetric_eigen_workspace<T>(batch, n, false) bytes
/// @param values  [batch, n] LayoutRight and contiguous, of the scalar of a; NaN for a matrix that is not finite
/// @throws ShapeError if the matrices are not square or `values` does not fit; ValueError if the workspace is too
///         small; NotBuiltError if Route::vendor cannot be had
/// @note allocates: no; fences: no; bitwise repeatable: yes, and for any number of threads where the portable kernel
///       runs, which turns pairs of rows and columns (Jacobi's rotations, each pair once a sweep in a fixed order). The
///       vendor's code is LAPACK's syevd.
template <class Space, class A, class Values>
void batched_symmetric_eigenvalues(Space const& space, A const& a, Workspace<Space> work, Values const& values,
                                   Route route = Route::automatic) {
  using T = typename A::non_const_value_type;
  constexpr char const* where = "krate::batched_symmetric_eigenvalues";
  require_shape(where, "a", a, {a.extent(0), a.extent(1), a.extent(1)}, "square matrices");
  require_shape(where, "values", values, {a.extent(0), a.extent(1)}, "n numbers a matrix");
  impl::require_packed(values);
  impl::SymmetricEigen<Space, T>::run(space, as_tensor3<Space>(a), work, as_matrix<Space>(values), {}, route);
}

/// Eigenvalues and eigenvectors of each matrix: A = V^T diag(values) V with the rows of V orthonormal.
/// @param work     at least symmetric_eigen_workspace<T>(batch, n, true) bytes
/// @param vectors  [batch, n, n] LayoutRight and contiguous, written; *row* i is the unit eigenvector of values(i), its
///                 sign and, for equal eigenvalues, the basis being those of the route; NaN where the values are
/// @throws ShapeError, ValueError, NotBuiltError as batched_symmetric_eigenvalues()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class Values, class Vectors>
void batched_symmetric_eigen(Space const& space, A const& a, Workspace<Space> work, Values const& values,
                             Vectors const& vectors, Route route = Route::automatic) {
  using T = typename A::non_const_value_type;
  constexpr char const* where = "krate::batched_symmetric_eigen";
  require_shape(where, "a", a, {a.extent(0), a.extent(1), a.extent(1)}, "square matrices");
  require_shape(where, "values", values, {a.extent(0), a.extent(1)}, "n numbers a matrix");
  require_shape(where, "vectors", vectors, {a.extent(0), a.extent(1), a.extent(1)}, "same shape as a");
  impl::require_packed(values);
  impl::SymmetricEigen<Space, T>::run(space, as_tensor3<Space>(a), work, as_matrix<Space>(values),
                                      as_tensor3<Space>(vectors), route);
}

/// The same for one matrix [n, n] with values [n]; on a host LAPACK uses all its threads, and may round otherwise than
/// in a batch.
/// @throws as batched_symmetric_eigenvalues()     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class Values>
void symmetric_eigenvalues(Space const& space, A const& a, Workspace<Space> work, Values const& values,
                           Route route = Route::automatic) {
  using T = typename A::non_const_value_type;
  constexpr char const* where = "krate::symmetric_eigenvalues";
  std::size_t const n = a.extent(0);
  require_shape(where, "a", a, {n, n}, "a square matrix");
  require_shape(where, "values", values, {n}, "n numbers");
  impl::require_packed(a);
  impl::SymmetricEigen<Space, T>::run(space, ConstTensor3<T, Space>(as_matrix<Space>(a).data(), 1, n, n), work,
                                      Matrix<T, Space>(as_vector<Space>(values).data(), 1, n), {}, route);
}

/// The same for one matrix [n, n] with values [n] and vectors [n, n].
/// @throws as batched_symmetric_eigen()     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class Values, class Vectors>
void symmetric_eigen(Space const& space, A const& a, Workspace<Space> work, Values const& values,
                     Vectors const& vectors, Route route = Route::automatic) {
  using T = typename A::non_const_value_type;
  constexpr char const* where = "krate::symmetric_eigen";
  std::size_t const n = a.extent(0);
  require_shape(where, "a", a, {n, n}, "a square matrix");
  require_shape(where, "values", values, {n}, "n numbers");
  require_shape(where, "vectors", vectors, {n, n}, "same shape as a");
  impl::require_packed(a);
  impl::require_packed(vectors);
  impl::SymmetricEigen<Space, T>::run(space, ConstTensor3<T, Space>(as_matrix<Space>(a).data(), 1, n, n), work,
                                      Matrix<T, Space>(as_vector<Space>(values).data(), 1, n),
                                      Tensor3<T, Space>(as_matrix<Space>(vectors).data(), 1, n, n), route);
}

}  // namespace krate
