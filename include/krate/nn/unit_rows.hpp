// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/unit_rows_decl.hpp"

namespace krate {

/// y = each row of x divided by its length, at least 1e-12: points of the unit sphere.
/// @param x,y  [rows, dim], may be the same     @param lengths  [rows], written: what was divided by
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: unit_rows_backward
template <class Space, class X, class Y, class Lengths>
void unit_rows(Space const& space, X const& x, Y const& y, Lengths const& lengths) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::unit_rows";
  require_shape(where, "y", y, {x.extent(0), x.extent(1)}, "same shape as x");
  require_shape(where, "lengths", lengths, {x.extent(0)}, "one a row");
  impl::UnitRows<Space, T>::forward(space, as_matrix<Space>(x), as_matrix<Space>(y), as_vector<Space>(lengths));
}

/// Gradient of unit_rows: dx = (dy - (dy . y) y) / length, row by row.
/// @param y,lengths  as unit_rows() left them     @param dx  [rows, dim], written; may be dy
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Y, class Lengths, class Dy, class Dx>
void unit_rows_backward(Space const& space, Y const& y, Lengths const& lengths, Dy const& dy, Dx const& dx) {
  using T = typename Dx::value_type;
  constexpr char const* where = "krate::unit_rows_backward";
  require_shape(where, "lengths", lengths, {y.extent(0)}, "one a row");
  require_shape(where, "dy", dy, {y.extent(0), y.extent(1)}, "same shape as y");
  require_shape(where, "dx", dx, {y.extent(0), y.extent(1)}, "same shape as y");
  impl::UnitRows<Space, T>::backward(space, as_matrix<Space>(y), as_vector<Space>(lengths), as_matrix<Space>(dy),
                                     as_matrix<Space>(dx));
}

}  // namespace krate
