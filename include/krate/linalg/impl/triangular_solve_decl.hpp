// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

template <class Space, class T>
struct TriangularSolve {
  static void run(Space const& space, bool transpose, ConstStrided<T, Space> l, Strided<T, Space> b, Route route);
};

}  // namespace krate::impl
