// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows of consecutive classes, and their moments side by side.
#pragma once

#include <vector>

#include "krate/linalg/gram.hpp"

namespace krate::impl {

/// Rows of class k.
template <class T, class Space>
Matrix<T, Space> class_rows(Matrix<T, Space> const& z, std::vector<std::int64_t> const& sizes, std::size_t k) {
  std::int64_t begin = 0;
  for (std::size_t l = 0; l < k; ++l) begin += sizes[l];
  return Matrix<T, Space>(z.data() + static_cast<std::size_t>(begin) * z.extent(1), static_cast<std::size_t>(sizes[k]),
                          z.extent(1));
}

/// moments(k) = Z_k^T Z_k
template <class Space, class T>
void class_moment_batch(Space const& space, Matrix<T, Space> const& z, std::vector<std::int64_t> const& sizes,
                        Tensor3<T, Space> const& moments) {
  std::size_t const d = z.extent(1);
  for (std::size_t k = 0; k < sizes.size(); ++k)
    gram(space, T(1), class_rows(z, sizes, k), T(0), Matrix<T, Space>(moments.data() + k * d * d, d, d));
}

}  // namespace krate::impl
