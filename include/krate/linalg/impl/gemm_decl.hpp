// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

/// N or T; anything else is a ValueError.
bool is_transposed(char const* where, char const* trans);

template <class Space, class T>
struct Gemm {
  static void run(Space const& space, T alpha, ConstStrided<T, Space> a, ConstStrided<T, Space> b, T beta,
                  Strided<T, Space> c, Route route);
};

}  // namespace krate::impl
