// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

/// Sums over rows are taken in this many chunks, whatever the number of threads, and the chunks are added in order.
inline constexpr std::size_t row_chunks = 16;

template <class Space, class T>
struct RowReduce {
  static void column_sums(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> partial, Vector<T, Space> sums);
};

}  // namespace krate::impl
