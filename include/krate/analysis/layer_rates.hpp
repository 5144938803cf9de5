// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is measured layer by layer in the papers on CRATE: coding rate and density of tokens.
#pragma once

#include "krate/analysis/impl/layer_rates_decl.hpp"
#include "krate/core/require.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::analysis {

/// Bytes that projection_coding_rate() needs.
inline std::size_t projection_coding_rate_workspace(std::size_t batch, std::size_t tokens, std::size_t heads,
                                                    std::size_t head_dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>(
      [&](Workspace<Space>& work) { krate::impl::LayerRateScratch<Space>(work, batch, tokens, heads, head_dim); });
}

/// The reference measurement of a layer's coding rate: of each sample's projections, each head's vectors at unit
/// length,
///     R^c = 1/2 sum_k log det(I + head_dim / (tokens eps_squared) V_k^T V_k),   rows of V_k are w_k / |w_k|
/// Source: the layer-wise measurement of Yu et al. 2023 (CRATE), as their code does it. A
/// vector of zeros stays zero (the original gives NaN). All in double whatever the scalar of w.
/// @param w            [batch, tokens, heads * head_dim] LayoutRight: LN(z) U^T, the projection inside MSSA
/// @param eps_squared  0.01 in the papers' figures
/// @param work         at least projection_coding_rate_workspace(batch, tokens, heads, head_dim) bytes
/// @param rates        [batch] of double; NaN for a sample that holds a NaN
/// @throws ShapeError if extents disagree; ValueError if heads does not divide w.extent(2), eps_squared is not
/// positive, or
///         the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class W, class Rates>
void projection_coding_rate(Space const& space, W const& w, std::size_t heads, double eps_squared,
                            Workspace<Space> work, Rates const& rates) {
  using T = typename W::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::analysis::projection_coding_rate";
  krate::impl::require_eps_squared(where, eps_squared);
  require_value(heads > 0 && w.extent(2) % heads == 0, where, "heads", heads,
                "must be positive and divide the columns of w");
  require_shape(where, "rates", rates, {w.extent(0)}, "one number a sample");
  krate::impl::LayerRates<Space, T>::coding_rate(space, as_tensor3<Space>(w), heads, eps_squared, work,
                                                 as_vector<Space>(rates));
}

/// Fraction of entries of each sample that are not zero: |z|_0 / (tokens dim), lower is sparser.
/// Source: the layer-wise sparsity of Yu et al. 2023 (CRATE).
/// @param tokens   [batch, tokens, dim] LayoutRight: a block's output     @param density  [batch] of double
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes. NaN counts as not zero; a sample without entries gives 0.
template <class Space, class Tokens, class Density>
void density(Space const& space, Tokens const& tokens, Density const& density) {
  using T = typename Tokens::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::analysis::density", "density", density, {tokens.extent(0)}, "one number a sample");
  krate::impl::LayerRates<Space, T>::density(space, as_tensor3<Space>(tokens), as_vector<Space>(density));
}

/// Each token at unit length, so that rates of different layers compare; a token of zeros stays zero.
/// @param tokens  [batch, tokens, dim] LayoutRight     @param unit  the same shape, written; may be the input
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes. Lengths are double; a NaN spoils its token.
template <class Space, class Tokens, class Unit>
void unit_tokens(Space const& space, Tokens const& tokens, Unit const& unit) {
  using T = typename Tokens::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::analysis::unit_tokens", "unit", unit, {tokens.extent(0), tokens.extent(1), tokens.extent(2)},
                "same shape as tokens");
  krate::impl::LayerRates<Space, T>::unit_tokens(space, as_tensor3<Space>(tokens), as_tensor3<Space>(unit));
}

/// The gradient of unit_tokens(), from that of its result: (g - u (u . g)) / |z| for each token; 0 for a token of
/// zeros.
/// @param tokens,unit  as unit_tokens() had and wrote them     @param dunit  the same shape
/// @param dtokens  the same shape, written; may be dunit
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes. Sums are double.
template <class Space, class Tokens, class Unit, class DUnit, class DTokens>
void unit_tokens_backward(Space const& space, Tokens const& tokens, Unit const& unit, DUnit const& dunit,
                          DTokens const& dtokens) {
  using T = typename Tokens::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::analysis::unit_tokens_backward";
  std::size_t const batch = tokens.extent(0), count = tokens.extent(1), dim = tokens.extent(2);
  require_shape(where, "unit", unit, {batch, count, dim}, "same shape as tokens");
  require_shape(where, "dunit", dunit, {batch, count, dim}, "same shape as tokens");
  require_shape(where, "dtokens", dtokens, {batch, count, dim}, "same shape as tokens");
  krate::impl::LayerRates<Space, T>::unit_tokens_backward(space, as_tensor3<Space>(tokens), as_tensor3<Space>(unit),
                                                          as_tensor3<Space>(dunit), as_tensor3<Space>(dtokens));
}

/// How much of a layer's step goes down a gradient: the cosine between after - before and -gradient, over all entries
/// of a sample; 0 where one of them is zero.
/// @param before,after,gradient  [batch, tokens, dim] LayoutRight     @param cosines  [batch] of double
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes. Sums are double; NaN for a sample that holds a NaN.
template <class Space, class Before, class After, class Gradient, class Cosines>
void descent_cosine(Space const& space, Before const& before, After const& after, Gradient const& gradient,
                    Cosines const& cosines) {
  using T = typename Before::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::analysis::descent_cosine";
  std::size_t const batch = before.extent(0), tokens = before.extent(1), dim = before.extent(2);
  require_shape(where, "after", after, {batch, tokens, dim}, "same shape as before");
  require_shape(where, "gradient", gradient, {batch, tokens, dim}, "same shape as before");
  require_shape(where, "cosines", cosines, {batch}, "one number a sample");
  krate::impl::LayerRates<Space, T>::descent_cosine(space, as_tensor3<Space>(before), as_tensor3<Space>(after),
                                                    as_tensor3<Space>(gradient), as_vector<Space>(cosines));
}

}  // namespace krate::analysis
