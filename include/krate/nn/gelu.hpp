// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/impl/gelu_decl.hpp"

namespace krate {

/// Gaussian error linear unit, exact: y = x Phi(x), Phi the normal distribution function, by erf.
/// Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.
/// @param x  any shape, contiguous     @param y  the same shape, may be x
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: gelu_backward
template <class Space, class X, class Y>
void gelu(Space const& space, X const& x, Y const& y) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_value(x.size() == y.size(), "krate::gelu", "y.size()", y.size(), "must be the size of x");
  impl::Gelu<Space, T>::forward(space, impl::flat<Space>("krate::gelu", x), impl::flat<Space>("krate::gelu", y));
}

/// Gradient of gelu: dx = dy (Phi(x) + x phi(x)), phi the normal density.
/// @param dx  written; may be dy
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class Dy, class Dx>
void gelu_backward(Space const& space, X const& x, Dy const& dy, Dx const& dx) {
  using T = typename Dx::value_type;
  constexpr char const* where = "krate::gelu_backward";
  require_value(x.size() == dy.size(), where, "dy.size()", dy.size(), "must be the size of x");
  require_value(x.size() == dx.size(), where, "dx.size()", dx.size(), "must be the size of x");
  impl::Gelu<Space, T>::backward(space, impl::flat<Space>(where, x), impl::flat<Space>(where, dy),
                                 impl::flat<Space>(where, dx));
}

}  // namespace krate
