// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"

namespace krate {

/// Matrix product: C = alpha op(A) op(B) + beta C, op(M) = M for "N" and its transpose for "T".
/// With beta = 0, C is written without being read. Empty extents are allowed (an inner extent of 0 leaves beta C).
/// @param a,b,c  rank-2 Views of any layout, at zero copy; op(A) [m, k], op(B) [k, n], C [m, n]; C must not overlap A
/// or B
/// @throws ShapeError if extents disagree; ValueError if a transposition is neither "N" nor "T"; NotBuiltError if
///         Route::vendor is asked for and cannot be had
/// @note allocates: no (oneDNN itself: its packing buffers, for the call); fences: no; bitwise repeatable: yes
template <class Space, class A, class B, class C>
void gemm(Space const& space, char const* trans_a, char const* trans_b, typename C::non_const_value_type alpha,
          A const& a, B const& b, typename C::non_const_value_type beta, C const& c, Route route = Route::automatic) {
  using T = typename C::non_const_value_type;
  static_assert(is_instantiated<Space, T> || std::is_same_v<T, double>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::gemm";
  ConstStrided<T, Space> left = as_strided<Space>(a), right = as_strided<Space>(b);
  if (impl::is_transposed(where, trans_a)) left = transposed(left);
  if (impl::is_transposed(where, trans_b)) right = transposed(right);
  require_shape(where, "op(B)", right, {left.extent(1), right.extent(1)}, "its rows are the columns of op(A)");
  require_shape(where, "C", c, {left.extent(0), right.extent(1)}, "rows of op(A) by columns of op(B)");
  impl::Gemm<Space, T>::run(space, alpha, left, right, beta, as_strided<Space>(c), route);
}

}  // namespace krate
