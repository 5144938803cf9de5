// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/token_embedding_decl.hpp"

namespace krate {

/// Makes the input of the first block: the class token first, then the patches, and the position table added to all.
///     tokens[b, 0] = class_token + positions[0],   tokens[b, 1 + i] = patch_tokens[b patches + i] + positions[1 + i]
/// Source: Yu et al. 2023, "White-Box Transformers via Sparse Rate Reduction", pre-processing of the input.
/// @param patch_tokens  [batch * patches, dim]     @param class_token  [dim]
/// @param positions  [patches + 1, dim]     @param tokens  [batch, patches + 1, dim] output
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: embed_tokens_backward
template <class Space, class Patches, class ClassToken, class Positions, class Tokens>
void embed_tokens(Space const& space, Patches const& patch_tokens, ClassToken const& class_token,
                  Positions const& positions, Tokens const& tokens) {
  using T = typename Tokens::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::embed_tokens";
  std::size_t const batch = tokens.extent(0), count = positions.extent(0), dim = class_token.extent(0);
  require_value(count > 0, where, "positions.extent(0)", count, "must have a row for the class token");
  require_value(tokens.span_is_contiguous(), where, "tokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "positions", positions, {count, dim}, "dim is the length of the class token");
  require_shape(where, "tokens", tokens, {batch, count, dim}, "one token a row of the position table");
  require_shape(where, "patch_tokens", patch_tokens, {batch * (count - 1), dim}, "all tokens but the class token");
  impl::TokenEmbedding<Space, T>::forward(space, as_matrix<Space>(patch_tokens), as_vector<Space>(class_token),
                                          as_matrix<Space>(positions), as_tensor3<Space>(tokens));
}

/// Gradients of embed_tokens: the sums over the batch are taken in the order of the samples.
/// @param dtokens  [batch, patches + 1, dim]     @param dpatch_tokens  [batch * patches, dim], written
/// @param dclass_token,dpositions  [dim], [patches + 1, dim], added to
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Dtokens, class Dpatches, class DclassToken, class Dpositions>
void embed_tokens_backward(Space const& space, Dtokens const& dtokens, Dpatches const& dpatch_tokens,
                           DclassToken const& dclass_token, Dpositions const& dpositions) {
  using T = typename Dpatches::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::embed_tokens_backward";
  std::size_t const batch = dtokens.extent(0), count = dpositions.extent(0), dim = dclass_token.extent(0);
  require_value(count > 0, where, "dpositions.extent(0)", count, "must have a row for the class token");
  require_value(dtokens.span_is_contiguous(), where, "dtokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "dpositions", dpositions, {count, dim}, "dim is the length of the class token");
  require_shape(where, "dtokens", dtokens, {batch, count, dim}, "one token a row of the position table");
  require_shape(where, "dpatch_tokens", dpatch_tokens, {batch * (count - 1), dim}, "all tokens but the class token");
  impl::TokenEmbedding<Space, T>::backward(space, as_tensor3<Space>(dtokens), as_matrix<Space>(dpatch_tokens),
                                           as_vector<Space>(dclass_token), as_matrix<Space>(dpositions));
}

}  // namespace krate
