// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/multi_head_attention_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

namespace impl {
template <class Space, class Qkv, class T, class Out>
void check_multi_head_attention(char const* where, Qkv const& qkv, std::size_t heads, Out const& out,
                                SoftmaxRows<Space, T> const& rows, AttentionMask<Space> const& mask) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1);
  require_value(heads > 0 && qkv.extent(2) % (3 * heads) == 0, where, "heads", heads,
                "must divide a third of the columns of qkv");
  require_shape(where, "out", out, {batch, n, qkv.extent(2) / 3}, "[batch, tokens, heads * head_dim]");
  check_softmax_rows(where, rows, batch, heads, n);
  check_mask(where, mask, batch, n);
}
}  // namespace impl

/// Bytes that multi_head_attention() needs; `inner` is heads * head_dim. On hosts: scratch of each thread, for no
/// scores of [tokens, tokens] are kept.
template <class Space, class T>
std::size_t multi_head_attention_workspace(std::size_t batch, std::size_t tokens, std::size_t inner,
                                           std::size_t heads) {
  return impl::MultiHeadAttention<Space, T>::forward_bytes(batch, tokens, inner, heads);
}

/// Attention of ordinary transformers, head by head, with queries Q, keys K and values V that have maps of their own:
///     O_k = softmax(s Q_k K_k^T) V_k      (softmax over each row, s = head_dim^-1/2)
/// Source: Vaswani et al. 2017, "Attention is all you need", eq. 1. The maps before and after it are linear().
/// A query that sees no key gets zeros. A head with a number that is not finite, or with queries, keys or values whose
/// squares have no finite sum, gives NaN, and leaves the others as they are. Causal outputs do not change by a bit when
/// later tokens change to finite ones.
/// @param qkv   [batch, tokens, 3 * heads * head_dim]: q, then k, then v, the heads of each one behind the other
/// @param work  multi_head_attention_workspace<Space, T>(batch, tokens, heads * head_dim, heads) bytes
/// @param out   [batch, tokens, heads * head_dim], written; must not overlap qkv
/// @param rows  [batch, heads, tokens]: what the backward pass needs beside qkv, out; P_ij as SoftmaxRows says, with
///              q_i . k_j for w_i . w_j
/// @param mask  keys that a query does not see
/// @throws ShapeError if extents disagree; ValueError for heads that do not divide the columns, or a small workspace
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads; gradient:
/// multi_head_attention_backward
template <class Space, class Qkv, class Out>
void multi_head_attention(Space const& space, Qkv const& qkv, std::size_t heads, Workspace<Space> work, Out const& out,
                          SoftmaxRows<Space, typename Out::value_type> const& rows,
                          AttentionMask<Space> const& mask = {}) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::check_multi_head_attention("krate::multi_head_attention", qkv, heads, out, rows, mask);
  impl::MultiHeadAttention<Space, T>::forward(space, as_tensor3<Space>(qkv), heads, work, as_tensor3<Space>(out), rows,
                                              mask);
}

/// Bytes that multi_head_attention_backward() needs.
template <class Space, class T>
std::size_t multi_head_attention_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                    std::size_t heads) {
  return impl::MultiHeadAttention<Space, T>::backward_bytes(batch, tokens, inner, heads);
}

/// Gradient of multi_head_attention(): with P the probabilities, made anew, delta_i = dO_i . O_i and
/// D = P (dO V^T - delta), it is dQ = s D K, dK = s D^T Q, dV = P^T dO.
/// @param qkv,out,rows,mask  as the forward call took and left them     @param dout  [batch, tokens, heads * head_dim]
/// @param work  multi_head_attention_backward_workspace<Space, T>(batch, tokens, heads * head_dim, heads) bytes
/// @param dqkv  same shape as qkv, written; must not overlap the inputs
/// @throws ShapeError, ValueError as multi_head_attention()
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Qkv, class Out, class DOut, class DQkv>
void multi_head_attention_backward(Space const& space, Qkv const& qkv, std::size_t heads, Out const& out,
                                   SoftmaxRows<Space, typename DQkv::value_type> const& rows, DOut const& dout,
                                   Workspace<Space> work, DQkv const& dqkv, AttentionMask<Space> const& mask = {}) {
  using T = typename DQkv::value_type;
  constexpr char const* where = "krate::multi_head_attention_backward";
  impl::check_multi_head_attention(where, qkv, heads, out, rows, mask);
  require_shape(where, "dout", dout, {out.extent(0), out.extent(1), out.extent(2)}, "same shape as out");
  require_shape(where, "dqkv", dqkv, {qkv.extent(0), qkv.extent(1), qkv.extent(2)}, "same shape as qkv");
  impl::MultiHeadAttention<Space, T>::backward(space, as_tensor3<Space>(qkv), heads, as_tensor3<Space>(out), rows,
                                               as_tensor3<Space>(dout), work, as_tensor3<Space>(dqkv), mask);
}

}  // namespace krate
