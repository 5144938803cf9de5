// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/impl/conv_code_decl.hpp"

namespace krate {

namespace impl {
inline void require_conv_code(char const* where, ConvCodeOptions const& o) {
  require_value(o.steps > 0, where, "steps", o.steps, "must be positive");
  require_value(o.step > 0, where, "step", o.step, "must be positive; 0.9 / |D|^2 is usual (see dictionary_norm)");
  require_value(o.lambda >= 0, where, "lambda", o.lambda, "must not be negative");
  require_value(o.mu >= 0, where, "mu", o.mu, "must not be negative");
}
template <class Space, class T>
void require_conv_saved(char const* where, ConvShape const& s, ConvCodeOptions const& o,
                        ConvCodeSaved<Space, T> const& saved) {
  require_value(saved.codes.size() == o.steps && saved.residuals.size() + 1 == o.steps, where, "saved.codes.size()",
                saved.codes.size(), "must be the number of steps; make it with ConvCodeSaved::cut()");
  for (auto const& code : saved.codes)
    require_shape(where, "saved.codes", code, {s.codes(), s.atoms}, "a row a place of the code");
}
}  // namespace impl

/// Bytes that conv_code() and conv_code_backward() take from their workspaces.
template <class Space, class T>
std::size_t conv_code_workspace(ConvShape const& shape) {
  return impl::ConvCode<Space, T>::forward_bytes(shape);
}
template <class Space, class T>
std::size_t conv_code_backward_workspace(ConvShape const& shape) {
  return impl::ConvCode<Space, T>::backward_bytes(shape);
}

/// Convolutional sparse coding: so many steps of (F)ISTA towards the code
///     argmin_c  lambda |c|_1 + mu / 2 |c|^2 + 1/2 |x - D c|^2       ( and c >= 0 if nonnegative )
/// From c_1 = S(s D* x), with S(v) = soft(v / (1 + mu s), lambda s / (1 + mu s)) and s the step,
///     ista   c_t = S(c_{t-1} + s D*(x - D c_{t-1}))
///     fista  the same at a_t = alpha_t c_{t-1} - beta_t c_{t-2}, with alpha_2 = 1, beta_2 = 0, and from there
///            k_2 = (1 + sqrt 5) / 2, k_t = (1 + sqrt(1 + 4 k_{t-1}^2)) / 2,
///            alpha_t = (k_{t-1} + k_t - 1) / k_t, beta_t = (k_{t-1} - 1) / k_t
/// Source: Dai et al. 2022 (SDNet); Beck, Teboulle 2009 (FISTA).
/// @param x      [shape.pixels(), channels]     @param dict  [atoms, channels * kernel * kernel]
/// @param work   conv_code_workspace<Space, T>(shape) bytes
/// @param saved  written: saved.code() is the result, and all of it what the backward pass needs
/// @throws ShapeError if extents disagree; ValueError for options that cannot work, or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: conv_code_backward
template <class Space, class T, class X, class D>
void conv_code(Space const& space, ConvShape const& shape, X const& x, D const& dict, ConvCodeOptions const& options,
               Workspace<Space> work, ConvCodeSaved<Space, T> const& saved) {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::conv_code";
  impl::require_conv_code(where, options);
  impl::require_conv_saved(where, shape, options, saved);
  impl::require_conv(where, shape, x, dict, saved.code());
  impl::ConvCode<Space, T>::forward(space, shape, as_matrix<Space>(x), as_matrix<Space>(dict), options, work, saved);
}

/// Gradient of conv_code() through its steps, 0 at the kinks; the step size counts as a constant.
/// @param saved  as conv_code() left it     @param dcode  [shape.codes(), atoms]
/// @param work   conv_code_backward_workspace<Space, T>(shape) bytes
/// @param dx     [shape.pixels(), channels], written; extents 0, 0: not wanted
/// @param ddict  [atoms, channels * kernel * kernel], added to; extents 0, 0: not wanted
/// @throws ShapeError if extents disagree; ValueError for options that cannot work, or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class T, class X, class D, class DC, class DX, class DD>
void conv_code_backward(Space const& space, ConvShape const& shape, X const& x, D const& dict,
                        ConvCodeOptions const& options, ConvCodeSaved<Space, T> const& saved, DC const& dcode,
                        Workspace<Space> work, DX const& dx, DD const& ddict) {
  constexpr char const* where = "krate::conv_code_backward";
  impl::require_conv_code(where, options);
  impl::require_conv_saved(where, shape, options, saved);
  impl::require_conv(where, shape, x, dict, dcode);
  if (dx.size() > 0) require_shape(where, "dx", dx, {x.extent(0), x.extent(1)}, "same shape as x");
  if (ddict.size() > 0) require_shape(where, "ddict", ddict, {dict.extent(0), dict.extent(1)}, "same shape as dict");
  impl::ConvCode<Space, T>::backward(space, shape, as_matrix<Space>(x), as_matrix<Space>(dict), options, saved,
                                     as_matrix<Space>(dcode), work, as_matrix<Space>(dx), as_matrix<Space>(ddict));
}

}  // namespace krate
