// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct TokenEmbedding {
  static void forward(Space const& space, ConstMatrix<T, Space> patch_tokens, ConstVector<T, Space> class_token,
                      ConstMatrix<T, Space> positions, Tensor3<T, Space> tokens);
  static void backward(Space const& space, ConstTensor3<T, Space> dtokens, Matrix<T, Space> dpatch_tokens,
                       Vector<T, Space> dclass_token, Matrix<T, Space> dpositions);
};

}  // namespace krate::impl
