// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

template <class Space, class T>
struct MaskedEmbedding {
  static void forward(Space const& space, ConstMatrix<T, Space> patch_tokens, ConstMatrix<bool, Space> removed,
                      ConstVector<T, Space> class_token, ConstVector<T, Space> mask_token,
                      ConstMatrix<T, Space> positions, Tensor3<T, Space> tokens);
  static std::size_t backward_bytes(std::size_t patch_tokens, std::size_t dim);
  static void backward(Space const& space, ConstTensor3<T, Space> dtokens, ConstMatrix<bool, Space> removed,
                       Workspace<Space> work, Matrix<T, Space> dpatch_tokens, Vector<T, Space> dclass_token,
                       Vector<T, Space> dmask_token);
};

}  // namespace krate::impl
