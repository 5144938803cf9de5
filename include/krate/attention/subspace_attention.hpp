// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/subspace_attention_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

/// Bytes that subspace_attention() needs; `columns` is heads * head_dim. On hosts: scratch of each thread, for no
/// scores of [tokens, tokens] are kept.
template <class Space, class T>
std::size_t subspace_attention_workspace(std::size_t batch, std::size_t tokens, std::size_t columns,
                                         std::size_t heads) {
  return impl::SubspaceAttention<Space, T>::forward_bytes(batch, tokens, columns, heads);
}

/// Self-attention whose queries, keys and values are all one projection W, head by head:
///     O_k = softmax(s W_k W_k^T) W_k      (softmax over each row, s = head_dim^-1/2)
/// Source: Yu et al. 2023 (CRATE), SSA, eqs. 10 to 12, in row form; the scale s is that of the authors' code.
/// On hosts this is smoothing with the Gaussian kernel exp(-s |w_i - w_j|^2 / 2), which is symmetric, so that each pair
/// of tokens is scored once (kernel krate::mssa::symmetric); a head where s |w_i|^2 / 2 ranges over more than 60
/// (double: 600) takes the maximum of each row instead (krate::mssa::row_maximum). A head with numbers that are not
/// finite gives NaN, and leaves the others as they are.
/// A mask takes keys out of the softmax, as in causal CRATE and CRATE-BERT. The symmetric form then needs s |w_i|^2 / 2
/// within 30 (300) of the first token's where attention is causal, and below 12 (120) in samples with padding. Causal
/// outputs do not change by a bit when later tokens change, unless these change the form. A query that sees no key gets
/// zeros (the authors' code averages all tokens of a sample that is nothing but padding).
/// @param w        [batch, tokens, heads * head_dim]; columns k head_dim ... belong to head k
/// @param work     subspace_attention_workspace<Space, T>(batch, tokens, w.extent(2), heads) bytes
/// @param out      [batch, tokens, heads * head_dim], must not overlap w
/// @param rows     [batch, heads, tokens]: what the backward pass needs beside w, out
/// @param mask     keys that a query does not see
/// @throws ShapeError if extents disagree; ValueError if heads is 0 or does not divide w.extent(2), or the workspace is
///         too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads; gradient:
/// subspace_attention_backward
template <class Space, class W, class Out>
void subspace_attention(Space const& space, W const& w, std::size_t heads, Workspace<Space> work, Out const& out,
                        SoftmaxRows<Space, typename Out::value_type> const& rows,
                        AttentionMask<Space> const& mask = {}) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::subspace_attention";
  require_value(heads > 0 && w.extent(2) % heads == 0, where, "heads", heads, "must divide the columns of w");
  require_shape(where, "out", out, {w.extent(0), w.extent(1), w.extent(2)}, "same shape as w");
  impl::check_softmax_rows(where, rows, w.extent(0), heads, w.extent(1));
  impl::check_mask(where, mask, w.extent(0), w.extent(1));
  impl::SubspaceAttention<Space, T>::forward(space, as_tensor3<Space>(w), heads, work, as_tensor3<Space>(out), rows,
                                             mask);
}

/// Bytes that subspace_attention_backward() needs.
template <class Space, class T>
std::size_t subspace_attention_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                  std::size_t heads) {
  return impl::SubspaceAttention<Space, T>::backward_bytes(batch, tokens, columns, heads);
}

/// Gradient of subspace_attention(): with P the probabilities, dP = dO W^T and delta_i = dO_i . O_i, the query and key
/// paths merge into the symmetric T = P (dP - delta) + (P (dP - delta))^T, and dW = P^T dO + s T W.
/// @param work             subspace_attention_backward_workspace<Space, T>(batch, tokens, w.extent(2), heads) bytes
/// @param w,out,rows,mask  as the forward call took and left them     @param dout  [batch, tokens, heads * head_dim]
/// @param dw               written; must not overlap the inputs
/// @throws ShapeError if extents disagree; ValueError if heads does not divide w.extent(2)
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class W, class Out, class DOut, class DW>
void subspace_attention_backward(Space const& space, W const& w, std::size_t heads, Out const& out,
                                 SoftmaxRows<Space, typename DW::value_type> const& rows, DOut const& dout,
                                 Workspace<Space> work, DW const& dw, AttentionMask<Space> const& mask = {}) {
  using T = typename DW::value_type;
  constexpr char const* where = "krate::subspace_attention_backward";
  require_value(heads > 0 && w.extent(2) % heads == 0, where, "heads", heads, "must divide the columns of w");
  require_shape(where, "out", out, {w.extent(0), w.extent(1), w.extent(2)}, "same shape as w");
  require_shape(where, "dout", dout, {w.extent(0), w.extent(1), w.extent(2)}, "same shape as w");
  require_shape(where, "dw", dw, {w.extent(0), w.extent(1), w.extent(2)}, "same shape as w");
  impl::check_softmax_rows(where, rows, w.extent(0), heads, w.extent(1));
  impl::check_mask(where, mask, w.extent(0), w.extent(1));
  impl::SubspaceAttention<Space, T>::backward(space, as_tensor3<Space>(w), heads, as_tensor3<Space>(out), rows,
                                              as_tensor3<Space>(dout), work, as_tensor3<Space>(dw), mask);
}

}  // namespace krate
