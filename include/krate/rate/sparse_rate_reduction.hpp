// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/core/require.hpp"
#include "krate/rate/impl/sparse_rate_reduction_decl.hpp"
#include "krate/rate/subspace_coding_rate.hpp"

namespace krate {

/// Where sparse rate reduction leaves its parts, each [batch] of double, and what it maximises.
template <class V>
struct SparseRateParts {
  V rate;           ///< R(Z), with dim / (tokens eps_squared)
  V subspace_rate;  ///< R^c(Z | U), with head_dim / (tokens eps_squared)
  V nonzeros;       ///< |Z|_0, entries that are not zero
  V absolute;       ///< |Z|_1, sum of absolute values
  V value;          ///< R - R^c - lambda |Z|_0
};

namespace impl {

template <class Space, class Z, class U, class V>
SparseRateTerms<Space> sparse_rate_terms(char const* where, Z const& z, U const& u, SparseRateOptions const& options,
                                         SparseRateParts<V> const& parts) {
  require_subspace_rate(where, z, u, {options.eps_squared, options.heads, options.route}, parts.subspace_rate);
  require_value(options.lambda >= 0 && std::isfinite(options.lambda), where, "lambda", options.lambda,
                "must be finite and not negative; the papers take 0.1");
  require_shape(where, "rate", parts.rate, {z.extent(0)}, "one number a sample");
  require_shape(where, "nonzeros", parts.nonzeros, {z.extent(0)}, "one number a sample");
  require_shape(where, "absolute", parts.absolute, {z.extent(0)}, "one number a sample");
  require_shape(where, "value", parts.value, {z.extent(0)}, "one number a sample");
  return {as_vector<Space>(parts.rate), as_vector<Space>(parts.subspace_rate), as_vector<Space>(parts.nonzeros),
          as_vector<Space>(parts.absolute), as_vector<Space>(parts.value)};
}

}  // namespace impl

/// Bytes that sparse_rate_reduction() and sparse_rate_reduction_gradient() need; `Scalar` is that of z.
template <class Scalar>
std::size_t sparse_rate_reduction_workspace(std::size_t batch, std::size_t tokens, std::size_t dim, std::size_t heads,
                                            std::size_t head_dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return std::max(
      subspace_coding_rate_workspace<Scalar>(batch, tokens, heads, head_dim),
      measure<Space>([&](Workspace<Space>& work) { impl::SampleRateScratch<Space>(work, batch, tokens, dim); }));
}

/// Sparse rate reduction of each sample's tokens, the objective that a layer of CRATE takes a step up on:
///     R(Z) - R^c(Z | U) - lambda |Z|_0
/// Source: Yu et al. 2023 (CRATE), section 2.1, with eqs. 7 and 8 in row form. Rates and sums are double whatever the
/// scalar of z; projections on U are made in the scalar of z.
/// @param z      [batch, tokens, dim] LayoutRight, contiguous
/// @param u      [heads * head_dim, dim] LayoutRight; rows k head_dim ... span subspace k, as the projection of MSSA
/// @param work   at least sparse_rate_reduction_workspace<Scalar>(batch, tokens, dim, options.heads, head_dim) bytes
/// @param parts  SparseRateParts of Views [batch] of double; NaN for a sample with NaN among its tokens
/// @throws ShapeError if extents disagree; ValueError if eps_squared is not positive, heads does not divide the rows of
///         u, lambda is negative or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: sparse_rate_reduction_gradient
template <class Space, class Z, class U, class V>
void sparse_rate_reduction(Space const& space, Z const& z, U const& u, SparseRateOptions const& options,
                           Workspace<Space> work, SparseRateParts<V> const& parts) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  auto const terms = impl::sparse_rate_terms<Space>("krate::sparse_rate_reduction", z, u, options, parts);
  impl::SparseRateReduction<Space, T>::run(space, as_tensor3<Space>(z), as_matrix<Space>(u), options, work, terms, {},
                                           {});
}

/// The same, and from the same factorizations the gradient of the sum over samples of the relaxed objective
/// R - R^c - lambda |Z|_1, whose penalty has the subgradient lambda sign(z), 0 at 0:
///     dZ = alpha Z (I + alpha Z^T Z)^{-1} - dR^c/dZ - lambda sign(Z),   dU = -dR^c/dU
/// @param dz  [batch, tokens, dim], written; must not overlap the inputs
/// @param du  [heads * head_dim, dim], *added to*: U is a parameter
/// @throws ShapeError also if dz or du have other shapes than z and u; else as sparse_rate_reduction()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class U, class V, class DZ, class DU>
void sparse_rate_reduction_gradient(Space const& space, Z const& z, U const& u, SparseRateOptions const& options,
                                    Workspace<Space> work, SparseRateParts<V> const& parts, DZ const& dz,
                                    DU const& du) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::sparse_rate_reduction_gradient";
  auto const terms = impl::sparse_rate_terms<Space>(where, z, u, options, parts);
  require_shape(where, "dz", dz, {z.extent(0), z.extent(1), z.extent(2)}, "same shape as z");
  require_shape(where, "du", du, {u.extent(0), u.extent(1)}, "same shape as u");
  impl::SparseRateReduction<Space, T>::run(space, as_tensor3<Space>(z), as_matrix<Space>(u), options, work, terms,
                                           as_tensor3<Space>(dz), as_matrix<Space>(du));
}

}  // namespace krate
