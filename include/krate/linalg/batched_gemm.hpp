// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/impl/batched_gemm_decl.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"

namespace krate {

/// The heads of [batch, tokens, heads * head_dim], LayoutRight, as [batch, heads, tokens, head_dim]; zero copy. Columns
/// beyond a multiple of `heads` are left out.
template <class V>
auto by_head(V const& v, std::size_t heads) {
  static_assert(V::rank() == 3 && std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>);
  std::size_t const n = v.extent(1), d = v.extent(2), p = heads ? d / heads : 0;
  return StridedBatch<typename V::value_type, typename V::execution_space>(
      v.data(), Kokkos::LayoutStride(v.extent(0), n * d, heads, p, n, d, p, 1));
}

/// A rank-4 View as a batch of matrices; zero copy.
template <class Space, class V>
auto as_batch(V const& v) {
  static_assert(V::rank() == 4, "expected a View of rank 4");
  impl::check_reachable<Space, V>();
  return StridedBatch<typename V::value_type, Space>(
      v.data(), Kokkos::LayoutStride(v.extent(0), v.stride(0), v.extent(1), v.stride(1), v.extent(2), v.stride(2),
                                     v.extent(3), v.stride(3)));
}

/// One product for each pair of batch indices: C = alpha op(A) op(B) + beta C.
/// @param a,b,c  [outer, inner, rows, columns] in any layout, zero copy; C must not overlap A or B
/// @throws ShapeError if extents disagree; ValueError for a transposition that is neither "N" nor "T"; NotBuiltError if
///         Route::vendor cannot be had
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class A, class B, class C>
void batched_gemm(Space const& space, char const* trans_a, char const* trans_b, typename C::non_const_value_type alpha,
                  A const& a, B const& b, typename C::non_const_value_type beta, C const& c,
                  Route route = Route::automatic) {
  using T = typename C::non_const_value_type;
  constexpr char const* where = "krate::batched_gemm";
  auto const swapped = [](StridedBatch<T const, Space> const& v) {
    return StridedBatch<T const, Space>(
        v.data(), Kokkos::LayoutStride(v.extent(0), v.stride(0), v.extent(1), v.stride(1), v.extent(3), v.stride(3),
                                       v.extent(2), v.stride(2)));
  };
  StridedBatch<T const, Space> left = as_batch<Space>(a), right = as_batch<Space>(b);
  if (impl::is_transposed(where, trans_a)) left = swapped(left);
  if (impl::is_transposed(where, trans_b)) right = swapped(right);
  std::size_t const outer = left.extent(0), inner = left.extent(1);
  require_shape(where, "op(B)", right, {outer, inner, left.extent(3), right.extent(3)},
                "same batch as A, its rows are the columns of op(A)");
  require_shape(where, "C", c, {outer, inner, left.extent(2), right.extent(3)},
                "same batch as A, rows of op(A) by columns of op(B)");
  impl::BatchedGemm<Space, T>::run(space, alpha, left, right, beta, as_batch<Space>(c), route);
}

}  // namespace krate
