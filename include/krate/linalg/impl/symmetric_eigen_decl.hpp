// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

/// What symmetric_eigen() takes: a copy of each matrix, and for each what LAPACK asks for, or the rotations and vectors
/// of the portable kernel, which are less.
template <class Space, class T>
struct EigenScratch {
  Tensor3<T, Space> copies;
  Vector<T, Space> largest;  ///< magnitude in each matrix; NaN or infinite if one of its numbers is
  Matrix<T, Space> numbers;
  Matrix<int, Space> integers;
  EigenScratch(Workspace<Space>& work, std::size_t batch, std::size_t n, bool vectors)
      : copies(work.template take<T>(batch, n, n)),
        largest(work.template take<T>(batch)),
        numbers(work.template take<T>(batch, vectors ? 1 + 6 * n + 2 * n * n : 1 + 2 * n)),
        integers(work.template take<int>(batch, vectors ? 3 + 5 * n : 1)) {}
};

template <class Space, class T>
struct SymmetricEigen {
  /// `vectors` is empty if only values are wanted.
  static void run(Space const& space, ConstTensor3<T, Space> a, Workspace<Space> work, Matrix<T, Space> values,
                  Tensor3<T, Space> vectors, Route route);
};

}  // namespace krate::impl
