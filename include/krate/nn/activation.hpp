// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/impl/activation_decl.hpp"

namespace krate {

/// y = the activation of x, element by element.
/// @param x  any shape, contiguous     @param y  the same shape, may be x
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: activate_backward
template <class Space, class X, class Y>
void activate(Space const& space, Activation kind, X const& x, Y const& y) {
  using T = typename Y::value_type;
  constexpr char const* where = "krate::activate";
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_value(x.size() == y.size(), where, "y.size()", y.size(), "must be the size of x");
  impl::Activate<Space, T>::forward(space, kind, impl::flat<Space>(where, x), impl::flat<Space>(where, y));
}

/// Gradient of activate(), of the negative side at a kink.
/// @param y   as activate() left it     @param dx  written; may be dy
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Y, class Dy, class Dx>
void activate_backward(Space const& space, Activation kind, Y const& y, Dy const& dy, Dx const& dx) {
  using T = typename Dx::value_type;
  constexpr char const* where = "krate::activate_backward";
  require_value(y.size() == dy.size(), where, "dy.size()", dy.size(), "must be the size of y");
  require_value(y.size() == dx.size(), where, "dx.size()", dx.size(), "must be the size of y");
  impl::Activate<Space, T>::backward(space, kind, impl::flat<Space>(where, y), impl::flat<Space>(where, dy),
                                     impl::flat<Space>(where, dx));
}

}  // namespace krate
