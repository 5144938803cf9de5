// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct TokenMask {
  static void of_noise(Space const& space, ConstMatrix<T, Space> noise, std::size_t keep, Matrix<bool, Space> removed);
  static void draw(Space const& space, Random random, ConstVector<std::size_t, Space> numbers, Matrix<T, Space> noise);
};

}  // namespace krate::impl
