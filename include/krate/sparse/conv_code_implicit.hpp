// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/impl/conv_solve_decl.hpp"

namespace krate {

/// Bytes that conv_code_implicit_backward() takes from its workspace.
template <class Space, class T>
std::size_t conv_code_implicit_workspace(ConvShape const& shape) {
  return impl::ConvSolve<Space, T>::implicit_bytes(shape);
}

/// Gradient of a code that has converged, whatever led to it: with S the places where it is not 0,
///     (D_S* D_S + mu) u_S = dcode_S, and 0 elsewhere,    dx = D u,    ddict += d/dD (<x - D code, D u>)
/// by conjugate gradients. Source: the stationarity of conv_code()'s minimum, differentiated.
/// @param code        [shape.codes(), atoms], the minimum     @param dcode  the same shape
/// @param iterations  of conjugate gradients; those behind convergence change nothing
/// @param work        conv_code_implicit_workspace<Space, T>(shape) bytes
/// @param dx          [shape.pixels(), channels], written     @param ddict  like dict, added to
/// @throws ShapeError if extents disagree; ValueError if mu is negative, or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class X, class D, class C, class DC, class DX, class DD>
void conv_code_implicit_backward(Space const& space, ConvShape const& shape, X const& x, D const& dict, double mu,
                                 C const& code, DC const& dcode, std::size_t iterations, Workspace<Space> work,
                                 DX const& dx, DD const& ddict) {
  using T = typename DX::value_type;
  constexpr char const* where = "krate::conv_code_implicit_backward";
  impl::require_conv(where, shape, x, dict, code);
  require_value(mu >= 0, where, "mu", mu, "must not be negative");
  require_shape(where, "dcode", dcode, {code.extent(0), code.extent(1)}, "same shape as code");
  require_shape(where, "dx", dx, {x.extent(0), x.extent(1)}, "same shape as x");
  require_shape(where, "ddict", ddict, {dict.extent(0), dict.extent(1)}, "same shape as dict");
  impl::ConvSolve<Space, T>::implicit(space, shape, as_matrix<Space>(x), as_matrix<Space>(dict), mu,
                                      as_matrix<Space>(code), as_matrix<Space>(dcode), iterations, work,
                                      as_matrix<Space>(dx), as_matrix<Space>(ddict));
}

}  // namespace krate
