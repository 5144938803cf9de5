// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/masked_embedding_decl.hpp"

namespace krate {

/// The input of a masked autoencoder's first block: the class token first, then the patches, with one token in the
/// place of all that were removed, and a fixed position table added to all.
///     tokens[b, 0] = class_token + positions[0]
///     tokens[b, 1 + i] = (removed[b, i] ? mask_token : patch_tokens[b patches + i]) + positions[1 + i]
/// Source: Pai et al. 2024 (CRATE-MAE), in its official code.
/// @param patch_tokens  [batch * patches, dim]     @param removed  [batch, patches] of bool, see mask_of_noise()
/// @param class_token,mask_token  [dim]     @param positions  [patches + 1, dim]
/// @param tokens  [batch, patches + 1, dim], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: embed_masked_tokens_backward
template <class Space, class Patches, class Removed, class ClassToken, class MaskToken, class Positions, class Tokens>
void embed_masked_tokens(Space const& space, Patches const& patch_tokens, Removed const& removed,
                         ClassToken const& class_token, MaskToken const& mask_token, Positions const& positions,
                         Tokens const& tokens) {
  using T = typename Tokens::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::embed_masked_tokens";
  std::size_t const batch = removed.extent(0), patches = removed.extent(1), dim = class_token.extent(0);
  require_value(tokens.span_is_contiguous(), where, "tokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "patch_tokens", patch_tokens, {batch * patches, dim}, "a token for each entry of the mask");
  require_shape(where, "mask_token", mask_token, {dim}, "as long as the class token");
  require_shape(where, "positions", positions, {patches + 1, dim}, "one for the class token, and one a patch");
  require_shape(where, "tokens", tokens, {batch, patches + 1, dim}, "the class token and the patches");
  impl::MaskedEmbedding<Space, T>::forward(space, as_matrix<Space>(patch_tokens), as_matrix<Space>(removed),
                                           as_vector<Space>(class_token), as_vector<Space>(mask_token),
                                           as_matrix<Space>(positions), as_tensor3<Space>(tokens));
}

/// Bytes that embed_masked_tokens_backward() takes from its workspace.
template <class Space, class T>
std::size_t embed_masked_tokens_backward_workspace(std::size_t patch_tokens, std::size_t dim) {
  return impl::MaskedEmbedding<Space, T>::backward_bytes(patch_tokens, dim);
}

/// Gradients of embed_masked_tokens(); the positions have none.
/// @param dtokens  [batch, patches + 1, dim]     @param dpatch_tokens  [batch * patches, dim], written
/// @param dclass_token,dmask_token  [dim], added to
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Dtokens, class Removed, class Dpatches, class DclassToken, class DmaskToken>
void embed_masked_tokens_backward(Space const& space, Dtokens const& dtokens, Removed const& removed,
                                  Workspace<Space> work, Dpatches const& dpatch_tokens, DclassToken const& dclass_token,
                                  DmaskToken const& dmask_token) {
  using T = typename Dpatches::value_type;
  constexpr char const* where = "krate::embed_masked_tokens_backward";
  std::size_t const batch = removed.extent(0), patches = removed.extent(1), dim = dclass_token.extent(0);
  require_value(dtokens.span_is_contiguous(), where, "dtokens", "strided", "must be contiguous; copy it first");
  require_shape(where, "dtokens", dtokens, {batch, patches + 1, dim}, "the class token and the patches");
  require_shape(where, "dpatch_tokens", dpatch_tokens, {batch * patches, dim}, "a token for each entry of the mask");
  require_shape(where, "dmask_token", dmask_token, {dim}, "as long as the class token");
  impl::MaskedEmbedding<Space, T>::backward(space, as_tensor3<Space>(dtokens), as_matrix<Space>(removed), work,
                                            as_matrix<Space>(dpatch_tokens), as_vector<Space>(dclass_token),
                                            as_vector<Space>(dmask_token));
}

}  // namespace krate
