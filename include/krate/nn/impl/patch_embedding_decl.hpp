// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate {
struct PatchOptions;

namespace impl {

template <class Space, class T>
struct PatchEmbedding {
  static void forward(Space const& space, ConstTensor4<T, Space> images, PatchOptions const& options,
                      Matrix<T, Space> patches);
  static void backward(Space const& space, ConstMatrix<T, Space> dpatches, PatchOptions const& options,
                       Tensor4<T, Space> dimages);
};

}  // namespace impl
}  // namespace krate
