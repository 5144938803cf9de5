// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct NearestSubspace {
  /// @param bases  [classes, rank, dim], orthonormal rows, or rows of zeros
  static void run(Space const& space, ConstMatrix<T, Space> z, ConstTensor3<double, Space> bases,
                  Vector<Label, Space> found);
};

}  // namespace krate::impl
