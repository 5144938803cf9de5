// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

/// Second moments on their way between ranks: the lower triangle by rows, then the count of samples.
template <class Space, class T>
struct Moment {
  static std::size_t packed_size(std::size_t dim) { return dim * (dim + 1) / 2 + 1; }
  static void pack(Space const& space, ConstMatrix<T, Space> moment, double samples, Vector<T, Space> packed);
  /// scaled = alpha * moment, both triangles.
  static void unpack(Space const& space, ConstVector<T, Space> packed, double alpha, Matrix<T, Space> scaled);
};

}  // namespace krate::impl
