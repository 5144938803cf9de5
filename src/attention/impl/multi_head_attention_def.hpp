// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/impl/plain_multi_head.hpp"
#include "attention/impl/query_strips_backward.hpp"
#include "attention/impl/sample_loop.hpp"
#include "krate/attention/impl/multi_head_attention_decl.hpp"

namespace krate::impl {

/// Heads of all samples over threads.
template <class Space, class T>
using QueryLoop = SampleLoop<Space, QueryStrips<T>, HeadShape<T>>;
template <class Space, class T>
using QueryBackwardLoop = SampleLoop<Space, QueryStripsBackward<T>, HeadShape<T>>;

template <class T>
HeadShape<T> head_shape(std::size_t tokens, std::size_t inner, std::size_t heads, Mask mask = Mask::none) {
  return {static_cast<int>(tokens), static_cast<int>(inner / heads), mask == Mask::causal};
}

template <class Space, class T>
std::size_t MultiHeadAttention<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                        std::size_t heads) {
  if (batch * tokens * inner == 0 || heads == 0) return 0;
  if constexpr (is_device<Space>) {
    return PlainMultiHead<Space, T>::forward_bytes(batch, tokens, heads);
  } else {
    return QueryLoop<Space, T>::bytes(batch * heads, head_shape<T>(tokens, inner, heads));
  }
}

template <class Space, class T>
std::size_t MultiHeadAttention<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                         std::size_t heads) {
  if (batch * tokens * inner == 0 || heads == 0) return 0;
  if constexpr (is_device<Space>) {
    return PlainMultiHead<Space, T>::backward_bytes(batch, tokens, heads);
  } else {
    return QueryBackwardLoop<Space, T>::bytes(batch * heads, head_shape<T>(tokens, inner, heads));
  }
}

/// Where head k of all samples' heads begins.
struct HeadPlace {
  std::size_t sample, qkv, tokens, row;
  HeadPlace(std::size_t k, std::size_t heads, std::size_t n, std::size_t inner)
      : sample(k / heads),
        qkv(sample * n * 3 * inner + k % heads * (inner / heads)),
        tokens(sample * n * inner + k % heads * (inner / heads)),
        row(k * n) {}
};

template <class Space>
bool const* padding_of(ConstMatrix<bool, Space> const& keys, std::size_t sample) {
  return keys.size() > 0 ? &keys(sample, 0) : nullptr;
}

template <class Space, class T>
void MultiHeadAttention<Space, T>::forward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads,
                                           Workspace<Space> work, Tensor3<T, Space> out,
                                           SoftmaxRows<Space, T> const& rows, AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::multi_head_attention"));
  if (qkv.size() == 0) return;
  if constexpr (is_device<Space>) {
    PlainMultiHead<Space, T>::forward(space, qkv, heads, work, out, rows, mask);
  } else {
    std::size_t const n = qkv.extent(1), inner = out.extent(2);
    QueryLoop<Space, T>(space, qkv.extent(0) * heads, head_shape<T>(n, inner, heads, mask.mask), work)
        .run(KRATE_LABEL("krate::multi_head_attention::strips"),
             [=, keys = mask.keys](QueryStrips<T> const& strips, std::size_t k) {
               HeadPlace const at(k, heads, n, inner);
               strips.run({qkv.data() + at.qkv, inner}, padding_of<Space>(keys, at.sample), out.data() + at.tokens,
                          inner, rows.shift.data() + at.row, rows.sum.data() + at.row);
             });
  }
}

template <class Space, class T>
void MultiHeadAttention<Space, T>::backward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads,
                                            ConstTensor3<T, Space> out, SoftmaxRows<Space, T> const& rows,
                                            ConstTensor3<T, Space> dout, Workspace<Space> work, Tensor3<T, Space> dqkv,
                                            AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::multi_head_attention_backward"));
  if (qkv.size() == 0) return;
  if constexpr (is_device<Space>) {
    PlainMultiHead<Space, T>::backward(space, qkv, heads, out, rows, dout, work, dqkv, mask);
  } else {
    std::size_t const n = qkv.extent(1), inner = out.extent(2);
    QueryBackwardLoop<Space, T>(space, qkv.extent(0) * heads, head_shape<T>(n, inner, heads, mask.mask), work)
        .run(KRATE_LABEL("krate::multi_head_attention_backward::strips"),
             [=, keys = mask.keys](QueryStripsBackward<T> const& strips, std::size_t k) {
               HeadPlace const at(k, heads, n, inner);
               strips.run({qkv.data() + at.qkv, inner}, padding_of<Space>(keys, at.sample), out.data() + at.tokens,
                          rows.shift.data() + at.row, rows.sum.data() + at.row, dout.data() + at.tokens, inner,
                          {dqkv.data() + at.qkv, inner});
             });
  }
}

}  // namespace krate::impl
