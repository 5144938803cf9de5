// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/gram_decl.hpp"

namespace krate {

/// Gram matrix (symmetric rank-k update): G = alpha Z^T Z + beta G; both triangles are written and are equal to the
/// bit. With beta = 0, G is written without being read; else G must be symmetric. For Z Z^T pass `transposed(z)`.
/// @param z  [samples, dim], any layout, zero copy     @param g  [dim, dim], LayoutRight
/// @throws ShapeError if G does not fit; NotBuiltError if Route::vendor cannot be had
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class G>
void gram(Space const& space, typename G::non_const_value_type alpha, Z const& z, typename G::non_const_value_type beta,
          G const& g, Route route = Route::automatic) {
  using T = typename G::non_const_value_type;
  require_shape("krate::gram", "G", g, {z.extent(1), z.extent(1)}, "dim is z.extent(1)");
  impl::Gram<Space, T>::run(space, alpha, as_strided<Space>(z), beta, as_matrix<Space>(g), route);
}

}  // namespace krate
