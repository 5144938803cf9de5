// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/products.hpp"
#include "krate/sparse/impl/folded_ista_decl.hpp"
#include "krate/sparse/ista.hpp"

namespace krate {

/// The dictionary of an ISTA step folded into one matrix, F = I + eta (D - D^T D): x + eta (x - x D^T) D = x F. It
/// depends on the dictionary only, so that steps with the same one share it; ista() makes its own at each call.
/// For products in bfloat16 it is F - I, since the identity would eat the digits of the rest; x is then added in full.
/// @param dict,fold  [dim, dim]     @param products  as the steps will have it
/// @throws ShapeError if extents disagree; ValueError if eta <= 0 or lambda < 0
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class D, class Fold>
void fold_dictionary(Space const& space, D const& dict, IstaOptions const& options, Fold const& fold,
                     Products products = Products::full) {
  constexpr char const* where = "krate::fold_dictionary";
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {dict.extent(0), dict.extent(0)}, "a dictionary of CRATE is square");
  require_shape(where, "fold", fold, {dict.extent(0), dict.extent(0)}, "same shape as dict");
  impl::FoldedIsta<Space, typename Fold::value_type>::fold(space, as_matrix<Space>(dict), options, products,
                                                           as_matrix<Space>(fold));
}

/// Bytes that folded_ista() needs.
template <class Space, class T>
std::size_t folded_ista_workspace(std::size_t rows, std::size_t dim, Products products) {
  return products_workspace<T>(products, rows, dim, dim);
}

/// ista() with the fold at hand: code = max(0, x F - eta lambda).
/// @param fold  of fold_dictionary() with the same options     @param x,code  [tokens, dim], must not overlap
/// @param work  folded_ista_workspace<Space, T>(tokens, dim, products) bytes
/// @throws ShapeError if extents disagree; ValueError if eta <= 0 or lambda < 0
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: folded_ista_backward
template <class Space, class X, class Fold, class Code>
void folded_ista(Space const& space, X const& x, Fold const& fold, IstaOptions const& options, Code const& code,
                 Products products = Products::full, Workspace<Space> work = {}) {
  constexpr char const* where = "krate::folded_ista";
  impl::check_ista(where, options);
  require_shape(where, "fold", fold, {x.extent(1), x.extent(1)}, "dim is x.extent(1)");
  require_shape(where, "code", code, {x.extent(0), x.extent(1)}, "same shape as x");
  impl::FoldedIsta<Space, typename Code::value_type>::forward(space, as_matrix<Space>(x), as_matrix<Space>(fold),
                                                              options, products, work, as_matrix<Space>(code));
}

/// Bytes that folded_ista_backward() needs.
template <class Space, class T>
std::size_t folded_ista_backward_workspace(std::size_t rows, std::size_t dim, Products products = Products::full) {
  return impl::FoldedIsta<Space, T>::backward_bytes(rows, dim, products);
}

/// ista_backward() with the fold at hand.
/// @param work  folded_ista_backward_workspace<Space, T>(tokens, dim, products) bytes; the rest as ista_backward() has
/// it
/// @throws ShapeError if extents disagree; ValueError if eta <= 0, lambda < 0 or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class D, class Fold, class Code, class DCode, class DX, class DD>
void folded_ista_backward(Space const& space, X const& x, D const& dict, Fold const& fold, Code const& code,
                          DCode const& dcode, IstaOptions const& options, Workspace<Space> work, DX const& dx,
                          DD const& ddict, Products products = Products::full) {
  constexpr char const* where = "krate::folded_ista_backward";
  std::size_t const n = x.extent(0), dim = x.extent(1);
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {dim, dim}, "dim is x.extent(1)");
  require_shape(where, "fold", fold, {dim, dim}, "same shape as dict");
  require_shape(where, "code", code, {n, dim}, "same shape as x");
  require_shape(where, "dcode", dcode, {n, dim}, "same shape as x");
  require_shape(where, "dx", dx, {n, dim}, "same shape as x");
  require_shape(where, "ddict", ddict, {dim, dim}, "same shape as dict");
  impl::FoldedIsta<Space, typename DX::value_type>::backward(
      space, as_matrix<Space>(x), as_matrix<Space>(dict), as_matrix<Space>(fold), as_matrix<Space>(code),
      as_matrix<Space>(dcode), options, products, work, as_matrix<Space>(dx), as_matrix<Space>(ddict));
}

}  // namespace krate
