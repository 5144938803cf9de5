// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/attention_maps_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

/// How much the class token attends to each patch, head by head: row 0 of the softmax over all tokens, without its own
/// entry.
/// Source: Yu et al., "Emergence of Segmentation with Minimalistic White-Box Transformers", CPAL 2024, section 3, as
/// their code computes it.
/// @param projected,softmax  W [batch, tokens, heads * head_dim] of a block's MSSA and what it keeps of its softmax
/// @param maps               [batch, heads, tokens - 1]
/// @throws ShapeError if extents disagree; ValueError if heads = softmax.sum.extent(1) does not divide
/// projected.extent(2)
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class W, class Maps>
void class_token_attention(Space const& space, W const& projected,
                           SoftmaxRows<Space, typename Maps::value_type> const& softmax, Maps const& maps) {
  using T = typename Maps::value_type;
  constexpr char const* where = "krate::analysis::class_token_attention";
  std::size_t const batch = projected.extent(0), tokens = projected.extent(1), heads = softmax.sum.extent(1);
  require_value(heads > 0 && projected.extent(2) % heads == 0, where, "heads", heads, "must divide the columns of W");
  require_value(tokens > 0, where, "tokens", tokens, "must be positive: the class token is the first");
  krate::impl::check_softmax_rows(where, softmax, batch, heads, tokens);
  require_shape(where, "maps", maps, {batch, heads, tokens - 1}, "one number a patch");
  krate::impl::AttentionMaps<Space, T>::class_token(space, as_tensor3<Space>(projected), softmax,
                                                    as_tensor3<Space>(maps));
}

}  // namespace krate::analysis
