// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

template <class Space, class T>
struct Gram {
  static void run(Space const& space, T alpha, ConstStrided<T, Space> z, T beta, Matrix<T, Space> g, Route route);
};

}  // namespace krate::impl
