// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct Rectify {
  static void forward(Space const& space, ConstVector<T, Space> x, Vector<T, Space> y);
  static void backward(Space const& space, ConstVector<T, Space> y, ConstVector<T, Space> dy, Vector<T, Space> dx);
};

}  // namespace krate::impl
