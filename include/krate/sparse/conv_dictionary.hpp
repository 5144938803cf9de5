// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/sparse/impl/conv_dictionary_decl.hpp"

namespace krate {

// A convolutional dictionary D [atoms, channels * kernel * kernel], its rows the atoms as the authors' files have them:
// [channels, kernel, kernel]. Synthesis D c puts an atom where the code says so; analysis D* x is its adjoint. They are
// a transposed convolution and a convolution (without flipping), with output padding such that D c has the size of x.
// Source: Dai et al. 2022 (SDNet), the convolutional sparse coding layer.

/// @throws ValueError for a convolution that cannot be
inline void require_convolution(char const* where, ConvShape const& s) {
  require_value(s.channels > 0, where, "channels", s.channels, "must be positive");
  require_value(s.atoms > 0, where, "atoms", s.atoms, "must be positive");
  require_value(s.kernel > 0, where, "kernel", s.kernel, "must be positive");
  require_value(s.stride > 0, where, "stride", s.stride, "must be positive");
  require_value(s.kernel <= s.height + 2 * s.padding && s.kernel <= s.width + 2 * s.padding, where, "kernel", s.kernel,
                "must not be larger than the padded image");
}

/// Bytes that each of the three products with a dictionary takes.
template <class Space, class T>
std::size_t conv_dictionary_workspace(ConvShape const& shape) {
  return impl::ConvDictionary<Space, T>::bytes(shape);
}

namespace impl {
template <class X, class D, class C>
void require_conv(char const* where, ConvShape const& s, X const& x, D const& dict, C const& code) {
  require_convolution(where, s);
  require_shape(where, "x", x, {s.pixels(), s.channels}, "a row a pixel");
  require_shape(where, "dict", dict, {s.atoms, s.patch()}, "an atom a row, kernel * kernel numbers a channel");
  require_shape(where, "code", code, {s.codes(), s.atoms}, "a row a place of the code");
}
}  // namespace impl

/// code = alpha D* x + beta code; with beta = 0, code is not read.
/// @param x     [shape.pixels(), channels]     @param dict  [atoms, channels * kernel * kernel]
/// @param code  [shape.codes(), atoms], must not overlap x
/// @param work  conv_dictionary_workspace<Space, T>(shape) bytes
/// @throws ShapeError if extents disagree; ValueError for an impossible convolution or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: synthesize, dictionary_gradient
template <class Space, class X, class D, class C>
void analyze(Space const& space, ConvShape const& shape, typename C::value_type alpha, X const& x, D const& dict,
             typename C::value_type beta, C const& code, Workspace<Space> work) {
  using T = typename C::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_conv("krate::analyze", shape, x, dict, code);
  impl::ConvDictionary<Space, T>::analyze(space, shape, alpha, as_matrix<Space>(x), as_matrix<Space>(dict), beta,
                                          as_matrix<Space>(code), work);
}

/// x = alpha D code + beta x; with beta = 0, x is not read. Arguments, errors and notes as analyze().
template <class Space, class C, class D, class X>
void synthesize(Space const& space, ConvShape const& shape, typename X::value_type alpha, C const& code, D const& dict,
                typename X::value_type beta, X const& x, Workspace<Space> work) {
  using T = typename X::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_conv("krate::synthesize", shape, x, dict, code);
  impl::ConvDictionary<Space, T>::synthesize(space, shape, alpha, as_matrix<Space>(code), as_matrix<Space>(dict), beta,
                                             as_matrix<Space>(x), work);
}

/// ddict += alpha dE/dD, E = <D* x, code> = <x, D code>: the gradient of either product with respect to the dictionary.
/// @param ddict  [atoms, channels * kernel * kernel], added to. Else as analyze().
template <class Space, class X, class C, class DD>
void dictionary_gradient(Space const& space, ConvShape const& shape, typename DD::value_type alpha, X const& x,
                         C const& code, DD const& ddict, Workspace<Space> work) {
  using T = typename DD::value_type;
  impl::require_conv("krate::dictionary_gradient", shape, x, ddict, code);
  impl::ConvDictionary<Space, T>::gradient(space, shape, alpha, as_matrix<Space>(x), as_matrix<Space>(code),
                                           as_matrix<Space>(ddict), work);
}

/// Scales each atom to length 1, in place; one of length 0 stays.
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class D>
void normalize_atoms(Space const& space, D const& dict) {
  impl::ConvDictionary<Space, typename D::value_type>::normalize(space, as_matrix<Space>(dict));
}

}  // namespace krate
