// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct ClassAttention {
  static void forward(Space const& space, ConstTensor3<T, Space> qkv, Tensor3<T, Space> probabilities,
                      Matrix<T, Space> out);
  static void backward(Space const& space, ConstTensor3<T, Space> qkv, ConstTensor3<T, Space> probabilities,
                       ConstMatrix<T, Space> dout, Tensor3<T, Space> dqkv);
};

}  // namespace krate::impl
