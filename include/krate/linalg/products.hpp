// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/bfloat16_gemm.hpp"
#include "krate/linalg/gemm_epilogue.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate {

/// Bytes that a product of op(A) [m, k] and op(B) [k, n] takes from its workspace.
template <class Scalar>
std::size_t products_workspace(Products products, std::size_t m, std::size_t n, std::size_t k) {
  return products == Products::bfloat16 ? bfloat16_gemm_workspace<Scalar>(m, n, k) : 0;
}

/// gemm() with an epilogue, or bfloat16_gemm(), as `products` says.
/// @param work  products_workspace<scalar of C>(products, m, n, k) bytes
/// @throws as these two     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class B, class C>
void multiply(Space const& space, Products products, char const* trans_a, char const* trans_b, A const& a, B const& b,
              Epilogue<Space, typename C::non_const_value_type> const& epilogue, C const& c, Workspace<Space> work) {
  if (products == Products::bfloat16) return bfloat16_gemm(space, trans_a, trans_b, a, b, epilogue, c, work);
  gemm(space, trans_a, trans_b, a, b, epilogue, c);
}

}  // namespace krate
