// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/class_attention_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

namespace impl {
template <class Qkv, class Probabilities, class Out>
void check_class_attention(char const* where, Qkv const& qkv, Probabilities const& a, Out const& out) {
  std::size_t const heads = a.extent(1), inner = qkv.extent(2) / 3;
  require_value(heads > 0 && qkv.extent(2) % (3 * heads) == 0, where, "heads", heads,
                "must divide a third of the columns of qkv");
  require_shape(where, "probabilities", a, {qkv.extent(0), heads, qkv.extent(1)}, "[batch, heads, tokens]");
  require_shape(where, "out", out, {qkv.extent(0), inner}, "batch by heads * head_dim");
}
}  // namespace impl

/// Attention of the first token of each sample to all its tokens; head by head, with queries q, keys k and values v
///     a_n = softmax over n of q_0 . k_n / head_dim^(1/2),   o = sum_n a_n v_n
/// Source: Touvron et al. 2021, "Going deeper with image transformers", section 3; ToST ends with such layers.
/// @param qkv  [batch, tokens, 3 * heads * head_dim]: q, then k, then v, the heads of each one behind the other
/// @param probabilities  [batch, heads, tokens]: a, written, for the backward pass
/// @param out  [batch, heads * head_dim], written; must not overlap qkv
/// @throws ShapeError if extents disagree; ValueError for heads that do not divide the columns
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: class_attention_backward
template <class Space, class Qkv, class Probabilities, class Out>
void class_attention(Space const& space, Qkv const& qkv, Probabilities const& probabilities, Out const& out) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::check_class_attention("krate::class_attention", qkv, probabilities, out);
  impl::ClassAttention<Space, T>::forward(space, as_tensor3<Space>(qkv), as_tensor3<Space>(probabilities),
                                          as_matrix<Space>(out));
}

/// Gradient of class_attention().
/// @param qkv,probabilities  as the forward call took and left them     @param dout  [batch, heads * head_dim]
/// @param dqkv  same shape as qkv, written; 0 for the queries of all tokens but the first
/// @throws ShapeError, ValueError as class_attention()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Qkv, class Probabilities, class Dout, class Dqkv>
void class_attention_backward(Space const& space, Qkv const& qkv, Probabilities const& probabilities, Dout const& dout,
                              Dqkv const& dqkv) {
  constexpr char const* where = "krate::class_attention_backward";
  impl::check_class_attention(where, qkv, probabilities, dout);
  require_shape(where, "dqkv", dqkv, {qkv.extent(0), qkv.extent(1), qkv.extent(2)}, "same shape as qkv");
  impl::ClassAttention<Space, typename Dqkv::value_type>::backward(
      space, as_tensor3<Space>(qkv), as_tensor3<Space>(probabilities), as_matrix<Space>(dout), as_tensor3<Space>(dqkv));
}

}  // namespace krate
