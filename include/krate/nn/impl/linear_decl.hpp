// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct Linear {
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> weight,
                      ConstVector<T, Space> bias, Matrix<T, Space> y, Products products, Workspace<Space> work);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> weight,
                       ConstMatrix<T, Space> dy, Workspace<Space> work, Matrix<T, Space> dx, Matrix<T, Space> dweight,
                       Vector<T, Space> dbias, Products products);
};

}  // namespace krate::impl
