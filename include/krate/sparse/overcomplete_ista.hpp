// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/products.hpp"
#include "krate/sparse/impl/overcomplete_ista_decl.hpp"
#include "krate/sparse/ista.hpp"

namespace krate {

/// Bytes that overcomplete_ista() takes from its workspace, besides what OvercompleteIstaSaved::cut() took.
template <class Space, class T>
std::size_t overcomplete_ista_workspace(std::size_t tokens, std::size_t dim, std::size_t codes,
                                        Products products = Products::full) {
  return impl::OvercompleteIsta<Space, T>::forward_bytes(tokens, dim, codes, products);
}

/// Two ISTA steps from zero with more atoms than features: a non-negative sparse code of each token (row) of x.
///     first = max(0, eta x D - eta lambda),   residual = x - first D^T,
///     code  = max(0, first + eta residual D - eta lambda)
/// Source: Yang et al. 2024 (CRATE-alpha), overcomplete ISTA block, in row form; the paper writes tokens as columns.
/// @param x      [tokens, dim]     @param dict  D [dim, codes], atoms are columns; any layout, so also a transpose
/// @param work   overcomplete_ista_workspace<Space, T>(tokens, dim, codes, products) bytes
/// @param saved  written: saved.code is the result, and all of it what the backward pass needs
/// @throws ShapeError if extents disagree; ValueError if eta <= 0, lambda < 0 or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: overcomplete_ista_backward
template <class Space, class T, class X, class D>
void overcomplete_ista(Space const& space, X const& x, D const& dict, IstaOptions const& options,
                       OvercompleteIstaSaved<Space, T> const& saved, Products products, Workspace<Space> work) {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::overcomplete_ista";
  std::size_t const tokens = x.extent(0), dim = x.extent(1), codes = dict.extent(1);
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {dim, codes}, "dim is x.extent(1)");
  require_shape(where, "saved.first", saved.first, {tokens, codes}, "a code for each row of x");
  require_shape(where, "saved.code", saved.code, {tokens, codes}, "a code for each row of x");
  require_shape(where, "saved.residual", saved.residual, {tokens, dim}, "same shape as x");
  impl::OvercompleteIsta<Space, T>::forward(space, as_matrix<Space>(x), as_strided<Space>(dict), options, products,
                                            work, saved);
}

/// Bytes that decode() takes from its workspace.
template <class Scalar>
std::size_t decode_workspace(std::size_t tokens, std::size_t dim, std::size_t codes,
                             Products products = Products::full) {
  return products_workspace<Scalar>(products, tokens, dim, codes);
}

/// Tokens of their codes: out = code decoder^T, and with an addend, out = addend + code decoder^T.
/// @param code    [tokens, codes]     @param decoder  [dim, codes], the coder's dictionary or one of its own; any
/// layout
/// @param addend  [tokens, dim], may be out itself and must not overlap it else; extents 0, 0: none
/// @param out     [tokens, dim]     @param work  decode_workspace<scalar>(tokens, dim, codes, products) bytes
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: overcomplete_ista_backward
template <class Space, class T, class Decoder>
void decode(Space const& space, Matrix<T, Space> const& code, Decoder const& decoder,
            ConstMatrix<T, Space> const& addend, Matrix<T, Space> const& out, Products products,
            Workspace<Space> work) {
  multiply(space, products, "N", "T", code, decoder, {.addend = addend}, out, work);
}

/// Bytes that overcomplete_ista_backward() takes from its workspace.
template <class Space, class T>
std::size_t overcomplete_ista_backward_workspace(std::size_t tokens, std::size_t dim, std::size_t codes,
                                                 Products products = Products::full) {
  return impl::OvercompleteIsta<Space, T>::backward_bytes(tokens, dim, codes, products);
}

/// Gradient of overcomplete_ista() followed by decode(), 0 at the kinks: with H2 = (dout decoder) [code > 0],
/// P = eta H2 D^T, H1 = (H2 - P D) [first > 0],
///     dx = P + eta H1 D^T,   ddict += eta (residual^T H2 + x^T H1) - P^T first,   ddecoder += dout^T code
/// @param saved  as overcomplete_ista() left it     @param dout  [tokens, dim]
/// @param work   overcomplete_ista_backward_workspace<Space, T>(tokens, dim, codes, products) bytes
/// @param dx     [tokens, dim], written, must not overlap the inputs
/// @param ddict,ddecoder  [dim, codes], any layout, added to; the same one where the coder's dictionary decodes
/// @throws ShapeError if extents disagree; ValueError if eta <= 0, lambda < 0 or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class T, class X, class D, class Decoder, class DOut, class DX, class DD, class DDecoder>
void overcomplete_ista_backward(Space const& space, X const& x, D const& dict, Decoder const& decoder,
                                OvercompleteIstaSaved<Space, T> const& saved, DOut const& dout,
                                IstaOptions const& options, Products products, Workspace<Space> work, DX const& dx,
                                DD const& ddict, DDecoder const& ddecoder) {
  constexpr char const* where = "krate::overcomplete_ista_backward";
  std::size_t const tokens = x.extent(0), dim = x.extent(1), codes = dict.extent(1);
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {dim, codes}, "dim is x.extent(1)");
  require_shape(where, "decoder", decoder, {dim, codes}, "same shape as dict");
  require_shape(where, "saved.code", saved.code, {tokens, codes}, "a code for each row of x");
  require_shape(where, "dout", dout, {tokens, dim}, "same shape as x");
  require_shape(where, "dx", dx, {tokens, dim}, "same shape as x");
  require_shape(where, "ddict", ddict, {dim, codes}, "same shape as dict");
  require_shape(where, "ddecoder", ddecoder, {dim, codes}, "same shape as decoder");
  impl::OvercompleteIsta<Space, T>::backward(
      space, as_matrix<Space>(x), as_strided<Space>(dict), as_strided<Space>(decoder), saved, as_matrix<Space>(dout),
      options, products, work, as_matrix<Space>(dx), as_strided<Space>(ddict), as_strided<Space>(ddecoder));
}

}  // namespace krate
