// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

template <class Space, class T>
struct LayerScale {
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> branch,
                      ConstVector<T, Space> scale, Matrix<T, Space> y);
  static void backward(Space const& space, ConstMatrix<T, Space> branch, ConstVector<T, Space> scale,
                       ConstMatrix<T, Space> dy, Workspace<Space> work, Matrix<T, Space> dbranch,
                       Vector<T, Space> dscale);
};

}  // namespace krate::impl
