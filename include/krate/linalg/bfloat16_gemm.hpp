// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/gemm_epilogue.hpp"
#include "krate/linalg/impl/bfloat16_gemm_decl.hpp"

namespace krate {

/// Bytes that bfloat16_gemm() needs for op(A) [m, k] and op(B) [k, n] of a scalar.
template <class Scalar>
std::size_t bfloat16_gemm_workspace(std::size_t m, std::size_t n, std::size_t k) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) {
    work.template take<Scalar>(m * k);
    work.template take<Scalar>(k * n);
  });
}

/// The product with an epilogue of gemm(), of operands that are rounded to bfloat16 on their way in: each entry is off
/// by up to 2^-9 of itself. Products are summed, and the epilogue is done, in the scalar of C. On processors with
/// instructions for bfloat16 large products of float are about twice as fast so; elsewhere they are as fast as gemm().
/// @param work  at least bfloat16_gemm_workspace<scalar of C>(m, n, k) bytes
/// @throws as gemm(); ValueError also if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class B, class C>
void bfloat16_gemm(Space const& space, char const* trans_a, char const* trans_b, A const& a, B const& b,
                   Epilogue<Space, typename C::non_const_value_type> const& epilogue, C const& c,
                   Workspace<Space> work) {
  using T = typename C::non_const_value_type;
  static_assert(is_instantiated<Space, T> || std::is_same_v<T, double>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::bfloat16_gemm";
  ConstStrided<T, Space> left = as_strided<Space>(a), right = as_strided<Space>(b);
  if (impl::is_transposed(where, trans_a)) left = transposed(left);
  if (impl::is_transposed(where, trans_b)) right = transposed(right);
  impl::require_product(where, left, right, epilogue, c);
  impl::Bfloat16Gemm<Space, T>::run(space, left, right, epilogue, as_matrix<Space>(c), work);
}

}  // namespace krate
