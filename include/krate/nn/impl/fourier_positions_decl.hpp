// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct FourierPositions {
  static void fill(Space const& space, std::size_t rows, std::size_t columns, Matrix<T, Space> table);
};

}  // namespace krate::impl
