// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/pool_decl.hpp"

namespace krate {

/// Which row of features stands for a sample.
enum class Pool {
  cls,  ///< the first token
  mean  ///< the mean of all tokens, the class token included
};

/// One row of features a sample.
/// Source: Yu et al. 2023, "White-Box Transformers via Sparse Rate Reduction" (class token), in its official code both.
/// @param tokens  [batch, tokens, dim]     @param pooled  [batch, dim] output
/// @throws ShapeError if extents disagree; ValueError if a sample has no token
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads; gradient: pool_tokens_backward
template <class Space, class Tokens, class Pooled>
void pool_tokens(Space const& space, Tokens const& tokens, Pool pool, Pooled const& pooled) {
  using T = typename Pooled::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::pool_tokens";
  require_value(tokens.extent(1) > 0, where, "tokens.extent(1)", tokens.extent(1), "must be positive");
  require_value(tokens.span_is_contiguous(), where, "tokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "pooled", pooled, {tokens.extent(0), tokens.extent(2)}, "one row a sample");
  impl::PoolTokens<Space, T>::forward(space, as_tensor3<Space>(tokens), pool, as_matrix<Space>(pooled));
}

/// Gradient of pool_tokens; writes all of dtokens, zeros too.
/// @param dpooled  [batch, dim]     @param dtokens  [batch, tokens, dim], written
/// @throws ShapeError if extents disagree; ValueError if a sample has no token
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Dpooled, class Dtokens>
void pool_tokens_backward(Space const& space, Dpooled const& dpooled, Pool pool, Dtokens const& dtokens) {
  using T = typename Dtokens::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::pool_tokens_backward";
  require_value(dtokens.extent(1) > 0, where, "dtokens.extent(1)", dtokens.extent(1), "must be positive");
  require_value(dtokens.span_is_contiguous(), where, "dtokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "dpooled", dpooled, {dtokens.extent(0), dtokens.extent(2)}, "one row a sample");
  impl::PoolTokens<Space, T>::backward(space, as_matrix<Space>(dpooled), pool, as_tensor3<Space>(dtokens));
}

}  // namespace krate
