// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct Pixels {
  static void of_images(Space const& space, ConstTensor4<T, Space> images, T scale, T bias, Matrix<T, Space> pixels);
  static void to_images(Space const& space, ConstMatrix<T, Space> pixels, T scale, T bias, Tensor4<T, Space> images);
};

}  // namespace krate::impl
