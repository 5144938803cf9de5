// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/subspace_coding_rate_decl.hpp"

namespace krate {

namespace impl {

template <class Z, class U, class Rates>
void require_subspace_rate(char const* where, Z const& z, U const& u, SubspaceRateOptions const& options,
                           Rates const& rates) {
  require_eps_squared(where, options.eps_squared);
  require_value(options.heads > 0 && u.extent(0) % options.heads == 0, where, "heads", options.heads,
                "must be positive and divide the rows of u");
  require_shape(where, "u", u, {u.extent(0), z.extent(2)}, "dim is z.extent(2)");
  require_shape(where, "rates", rates, {z.extent(0)}, "one number a sample");
}

}  // namespace impl

/// Bytes that subspace_coding_rate() and subspace_coding_rate_gradient() need; `Scalar` is that of z.
template <class Scalar>
std::size_t subspace_coding_rate_workspace(std::size_t batch, std::size_t tokens, std::size_t heads,
                                           std::size_t head_dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>(
      [&](Workspace<Space>& work) { impl::SubspaceRateScratch<Space, Scalar>(work, batch, tokens, heads, head_dim); });
}

/// Coding rate of each sample's tokens against subspaces: with W_k = Z U_k^T its projections [tokens, head_dim],
///     R^c = sum_k 1/2 log det(I + gamma W_k^T W_k),   gamma = head_dim / (tokens eps_squared)
/// Source: Yu et al. 2023 (CRATE), eq. 8, in row form. U_k need not be orthonormal. Projections are made in the scalar
/// of z, all else in double.
/// @param z      [batch, tokens, dim] LayoutRight, contiguous
/// @param u      [heads * head_dim, dim] LayoutRight; rows k head_dim ... span subspace k, as the projection of MSSA
/// @param work   at least subspace_coding_rate_workspace<Scalar>(batch, tokens, options.heads, head_dim) bytes
/// @param rates  [batch] of double; NaN for a sample with NaN among its tokens
/// @throws ShapeError if extents disagree; ValueError if eps_squared is not positive, heads does not divide the rows of
/// u
///         or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: subspace_coding_rate_gradient
template <class Space, class Z, class U, class Rates>
void subspace_coding_rate(Space const& space, Z const& z, U const& u, SubspaceRateOptions const& options,
                          Workspace<Space> work, Rates const& rates) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_subspace_rate("krate::subspace_coding_rate", z, u, options, rates);
  impl::SubspaceCodingRate<Space, T>::run(space, as_tensor3<Space>(z), as_matrix<Space>(u), options, work,
                                          as_vector<Space>(rates), 0, {}, {});
}

/// The same and the gradient of the sum over samples, from one factorization, with C_k = I + gamma W_k^T W_k:
///     dR^c/dW_k = gamma W_k C_k^{-1},   dZ = sum_k dW_k U_k,   dU_k = dW_k^T Z
/// Source: the derivative of eq. 8, which Yu et al. 2023 (CRATE) expand to first order into MSSA, eqs. 10 to 12.
/// @param dz  [batch, tokens, dim], written; must not overlap the inputs
/// @param du  [heads * head_dim, dim], *added to*: U is a parameter
/// @throws ShapeError also if dz or du have other shapes than z and u; else as subspace_coding_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class U, class Rates, class DZ, class DU>
void subspace_coding_rate_gradient(Space const& space, Z const& z, U const& u, SubspaceRateOptions const& options,
                                   Workspace<Space> work, Rates const& rates, DZ const& dz, DU const& du) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::subspace_coding_rate_gradient";
  impl::require_subspace_rate(where, z, u, options, rates);
  require_shape(where, "dz", dz, {z.extent(0), z.extent(1), z.extent(2)}, "same shape as z");
  require_shape(where, "du", du, {u.extent(0), u.extent(1)}, "same shape as u");
  impl::SubspaceCodingRate<Space, T>::run(space, as_tensor3<Space>(z), as_matrix<Space>(u), options, work,
                                          as_vector<Space>(rates), 1, as_tensor3<Space>(dz), as_matrix<Space>(du));
}

}  // namespace krate
