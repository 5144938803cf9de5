// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/row_reduce.hpp"
#include "krate/nn/impl/layer_scale_decl.hpp"

namespace krate {

/// A residual branch with a factor for each feature: y = x + scale * branch.
/// Source: Touvron et al. 2021, "Going deeper with image transformers", section 2.1; ToST keeps it.
/// @param x,branch  [rows, dim]     @param scale  [dim]     @param y  [rows, dim], may be x
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: layer_scale_backward
template <class Space, class X, class Branch, class Scale, class Y>
void layer_scale(Space const& space, X const& x, Branch const& branch, Scale const& scale, Y const& y) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::layer_scale";
  std::size_t const rows = x.extent(0), dim = x.extent(1);
  require_shape(where, "branch", branch, {rows, dim}, "same shape as x");
  require_shape(where, "scale", scale, {dim}, "dim is x.extent(1)");
  require_shape(where, "y", y, {rows, dim}, "same shape as x");
  impl::LayerScale<Space, T>::forward(space, as_matrix<Space>(x), as_matrix<Space>(branch), as_vector<Space>(scale),
                                      as_matrix<Space>(y));
}

/// Bytes that layer_scale_backward takes from its workspace.
template <class Scalar>
std::size_t layer_scale_backward_workspace(std::size_t dim) {
  return column_sums_workspace<Kokkos::DefaultHostExecutionSpace, Scalar>(dim);
}

/// Gradients of layer_scale; that of x is dy: dbranch = scale * dy,   dscale += sum of branch * dy over the rows.
/// @param branch,scale  as in the forward pass     @param dy  [rows, dim] gradient of y
/// @param work     at least layer_scale_backward_workspace<Scalar>(dim) bytes
/// @param dbranch  [rows, dim], written; must not overlap the inputs     @param dscale  [dim], added to
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Branch, class Scale, class Dy, class Dbranch, class Dscale>
void layer_scale_backward(Space const& space, Branch const& branch, Scale const& scale, Dy const& dy,
                          Workspace<Space> work, Dbranch const& dbranch, Dscale const& dscale) {
  using T = typename Dbranch::value_type;
  constexpr char const* where = "krate::layer_scale_backward";
  std::size_t const rows = branch.extent(0), dim = branch.extent(1);
  require_shape(where, "scale", scale, {dim}, "dim is branch.extent(1)");
  require_shape(where, "dy", dy, {rows, dim}, "same shape as branch");
  require_shape(where, "dbranch", dbranch, {rows, dim}, "same shape as branch");
  require_shape(where, "dscale", dscale, {dim}, "dim is branch.extent(1)");
  impl::LayerScale<Space, T>::backward(space, as_matrix<Space>(branch), as_vector<Space>(scale), as_matrix<Space>(dy),
                                       work, as_matrix<Space>(dbranch), as_vector<Space>(dscale));
}

}  // namespace krate
