// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

template <class Space, class T>
struct TriangularInverse {
  static void run(Space const& space, ConstMatrix<T, Space> l, Matrix<T, Space> inverse, Route route);
};

template <class Space, class T>
struct TriangularMultiply {
  static void run(Space const& space, bool transpose, ConstStrided<T, Space> l, Strided<T, Space> b, Route route);
};

}  // namespace krate::impl
