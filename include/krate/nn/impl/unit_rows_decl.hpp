// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct UnitRows {
  static void forward(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> y, Vector<T, Space> lengths);
  static void backward(Space const& space, ConstMatrix<T, Space> y, ConstVector<T, Space> lengths,
                       ConstMatrix<T, Space> dy, Matrix<T, Space> dx);
};

}  // namespace krate::impl
