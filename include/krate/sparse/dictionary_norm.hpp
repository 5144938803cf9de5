// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/impl/conv_solve_decl.hpp"

namespace krate {

/// Bytes that dictionary_norm() takes from its workspace.
template <class Space, class T>
std::size_t dictionary_norm_workspace(ConvShape const& shape) {
  return impl::ConvSolve<Space, T>::norm_bytes(shape);
}

/// Largest eigenvalue of D* D by power iteration: its code steps must be no longer than the reciprocal.
/// @param shape       of one image: shape.batch = 1
/// @param iterations  of v = D* D v / |D* D v|; few where `vector` is that of a dictionary close by
/// @param vector      [shape.codes(), atoms], not zero; updated, of length 1
/// @param square      rank-0 View of double: |D v|^2, from below
/// @param work        dictionary_norm_workspace<Space, T>(shape) bytes
/// @throws ShapeError if extents disagree; ValueError for an impossible convolution or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class D, class V, class Square>
void dictionary_norm(Space const& space, ConvShape const& shape, D const& dict, std::size_t iterations,
                     Workspace<Space> work, V const& vector, Square const& square) {
  using T = typename V::value_type;
  constexpr char const* where = "krate::dictionary_norm";
  require_convolution(where, shape);
  require_value(shape.batch == 1, where, "batch", shape.batch, "must be 1");
  require_shape(where, "dict", dict, {shape.atoms, shape.patch()}, "an atom a row");
  require_shape(where, "vector", vector, {shape.codes(), shape.atoms}, "a row a place of the code");
  impl::ConvSolve<Space, T>::norm(space, shape, as_matrix<Space>(dict), iterations, work, as_matrix<Space>(vector),
                                  as_value<Space>(square));
}

}  // namespace krate
