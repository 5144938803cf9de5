// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/require.hpp"
#include "krate/linalg/products.hpp"
#include "krate/linalg/row_reduce.hpp"
#include "krate/nn/impl/linear_decl.hpp"

namespace krate {

/// Bytes that linear takes from its workspace.
template <class Scalar>
std::size_t linear_workspace(Products products, std::size_t rows, std::size_t in, std::size_t out) {
  return products_workspace<Scalar>(products, rows, out, in);
}

/// Linear map of each row: y = x weight^T + bias.
/// @param x  [rows, in]     @param weight  [out, in]     @param bias  [out], or extent 0 for none
/// @param y  [rows, out] output; must not overlap the inputs
/// @param work  linear_workspace<Scalar>(products, rows, in, out) bytes: none for Products::full
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: linear_backward
template <class Space, class X, class Weight, class Bias, class Y>
void linear(Space const& space, X const& x, Weight const& weight, Bias const& bias, Y const& y,
            Products products = Products::full, Workspace<Space> work = {}) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::linear";
  std::size_t const rows = x.extent(0), in = x.extent(1), out = weight.extent(0);
  require_shape(where, "weight", weight, {out, in}, "its columns are the features of x");
  if (bias.size() > 0) require_shape(where, "bias", bias, {out}, "one number a row of weight");
  require_shape(where, "y", y, {rows, out}, "rows of x by rows of weight");
  impl::Linear<Space, T>::forward(space, as_matrix<Space>(x), as_matrix<Space>(weight), as_vector<Space>(bias),
                                  as_matrix<Space>(y), products, work);
}

/// Bytes that linear_backward takes from its workspace.
template <class Scalar>
std::size_t linear_backward_workspace(std::size_t out) {
  return column_sums_workspace<Kokkos::DefaultHostExecutionSpace, Scalar>(out);
}
/// With products other than full.
template <class Scalar>
std::size_t linear_backward_workspace(Products products, std::size_t rows, std::size_t in, std::size_t out) {
  return std::max({linear_backward_workspace<Scalar>(out), products_workspace<Scalar>(products, rows, in, out),
                   products_workspace<Scalar>(products, out, in, rows)});
}

/// Gradients of linear: dx = dy weight,   dweight += dy^T x,   dbias += sum of dy over the rows.
/// @param dy  [rows, out] gradient of y
/// @param work  at least linear_backward_workspace<Scalar>(out) bytes; full products without bias use none
/// @param dx  [rows, in], written; must not overlap the inputs. Extents 0, 0: not wanted
/// @param dweight  [out, in], added to     @param dbias  [out], added to; extent 0: there is no bias
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class Weight, class Dy, class Dx, class Dweight, class Dbias>
void linear_backward(Space const& space, X const& x, Weight const& weight, Dy const& dy, Workspace<Space> work,
                     Dx const& dx, Dweight const& dweight, Dbias const& dbias, Products products = Products::full) {
  using T = typename Dweight::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::linear_backward";
  std::size_t const rows = x.extent(0), in = x.extent(1), out = weight.extent(0);
  require_shape(where, "weight", weight, {out, in}, "its columns are the features of x");
  require_shape(where, "dy", dy, {rows, out}, "rows of x by rows of weight");
  if (dx.size() > 0) require_shape(where, "dx", dx, {rows, in}, "same shape as x");
  require_shape(where, "dweight", dweight, {out, in}, "same shape as weight");
  if (dbias.size() > 0) require_shape(where, "dbias", dbias, {out}, "one number a row of weight");
  impl::Linear<Space, T>::backward(space, as_matrix<Space>(x), as_matrix<Space>(weight), as_matrix<Space>(dy), work,
                                   as_matrix<Space>(dx), as_matrix<Space>(dweight), as_vector<Space>(dbias), products);
}

}  // namespace krate
