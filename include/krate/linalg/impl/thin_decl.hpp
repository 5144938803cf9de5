// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of tall, thin matrices, as simulations have them: millions of rows, few columns. One pass over memory.
#pragma once

#include <algorithm>

#include "krate/core/types.hpp"

namespace krate::impl {

/// Where these kernels are the better choice.
inline bool is_thin(std::size_t rows, std::size_t columns) {
  return columns > 0 && columns <= 64 && rows >= 32 * columns;
}

/// How rows are shared out: as their number says, never as that of the threads.
struct ThinChunks {
  static constexpr std::size_t most = 256, least_rows = 256;
  std::size_t rows, count;
  explicit ThinChunks(std::size_t all)
      : rows(std::max(least_rows, ((all + most - 1) / most + 63) / 64 * 64)), count((all + rows - 1) / rows) {}
};

/// g = alpha z^T z + beta g, both triangles equal to the bit; sums are double.
template <class Space, class T>
struct ThinGram {
  /// Numbers that `partial` must hold for matrices of up to so many rows.
  static std::size_t partial_size(std::size_t rows, std::size_t columns) {
    if (!is_thin(rows, columns)) return 0;
    std::size_t const padded = (columns + 7) / 8 * 8;
    return std::min(ThinChunks(rows).count, ThinChunks::most) * padded * padded;
  }
  static void run(Space const& space, double alpha, ConstStrided<T, Space> z, double beta,
                  Vector<double, Space> partial, Matrix<double, Space> g);
};

/// out = alpha z m, m symmetric.
template <class Space, class T>
struct ThinProduct {
  static void run(Space const& space, double alpha, ConstStrided<T, Space> z, ConstMatrix<double, Space> m,
                  Strided<T, Space> out);
};

}  // namespace krate::impl
