// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/attention_mask.hpp"
#include "krate/attention/softmax_rows.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

template <class Space, class T>
struct MultiHeadAttention {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t heads);
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t heads);
  static void forward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads, Workspace<Space> work,
                      Tensor3<T, Space> out, SoftmaxRows<Space, T> const& rows, AttentionMask<Space> const& mask);
  static void backward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads, ConstTensor3<T, Space> out,
                       SoftmaxRows<Space, T> const& rows, ConstTensor3<T, Space> dout, Workspace<Space> work,
                       Tensor3<T, Space> dqkv, AttentionMask<Space> const& mask);
};

}  // namespace krate::impl
