// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"
#include "krate/linalg/impl/gemm_epilogue_decl.hpp"

namespace krate {

namespace impl {
template <class A, class B, class E, class C>
void require_product(char const* where, A const& left, B const& right, E const& epilogue, C const& c) {
  std::size_t const m = left.extent(0), n = right.extent(1);
  require_shape(where, "op(B)", right, {left.extent(1), n}, "its rows are the columns of op(A)");
  require_shape(where, "C", c, {m, n}, "rows of op(A) by columns of op(B)");
  if (epilogue.bias.size() > 0) require_shape(where, "bias", epilogue.bias, {n}, "one for each column of C");
  if (epilogue.addend.size() > 0) require_shape(where, "addend", epilogue.addend, {m, n}, "same shape as C");
}
}  // namespace impl

/// Matrix product with an epilogue: C = f(op(A) op(B) + bias + addend + shift), f = max(0, .) or nothing.
/// Where oneDNN takes the product it is one pass over C; else the epilogue is a sweep of its own.
/// @param a,b  rank-2 Views of any layout; op(A) [m, k], op(B) [k, n]     @param epilogue  e.g. {.bias = b, .rectify =
/// true}
/// @param c    [m, n], LayoutRight; written, must not overlap A or B
/// @throws ShapeError if extents disagree; ValueError and NotBuiltError as gemm() has them
/// @note allocates, fences, bitwise repeatable: as gemm(). A library runs on the program's OpenMP threads, whatever the
///       space.
template <class Space, class A, class B, class C>
void gemm(Space const& space, char const* trans_a, char const* trans_b, A const& a, B const& b,
          Epilogue<Space, typename C::non_const_value_type> const& epilogue, C const& c,
          Route route = Route::automatic) {
  using T = typename C::non_const_value_type;
  static_assert(is_instantiated<Space, T> || std::is_same_v<T, double>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::gemm";
  ConstStrided<T, Space> left = as_strided<Space>(a), right = as_strided<Space>(b);
  if (impl::is_transposed(where, trans_a)) left = transposed(left);
  if (impl::is_transposed(where, trans_b)) right = transposed(right);
  impl::require_product(where, left, right, epilogue, c);
  impl::GemmEpilogue<Space, T>::run(space, left, right, epilogue, as_matrix<Space>(c), route);
}

}  // namespace krate
