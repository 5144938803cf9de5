// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct ClassGeometry {
  static std::vector<std::vector<double>> singular_values(Space const& space, Matrix<T, Space> z,
                                                          std::vector<std::int64_t> const& class_sizes);
  static std::vector<double> cosines(Space const& space, Matrix<T, Space> z);
};

}  // namespace krate::impl
