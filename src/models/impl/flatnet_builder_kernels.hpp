// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::models {

template <class Space, class T>
struct ChosenRows {
  ConstMatrix<T, Space> from;
  ConstVector<std::int64_t, Space> rows;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    for (std::size_t j = 0; j < to.extent(1); ++j) to(i, j) = from(static_cast<std::size_t>(rows(i)), j);
  }
};

/// |z_i - centre|^2
template <class Space, class T>
struct SquaredDistance {
  ConstMatrix<T, Space> z;
  ConstVector<T, Space> centre;
  Vector<T, Space> squares;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    T sum = 0;
    for (std::size_t j = 0; j < z.extent(1); ++j) sum += (z(i, j) - centre(j)) * (z(i, j) - centre(j));
    squares(i) = sum;
  }
};

/// |a_i - b_i|^2
template <class Space, class T>
struct SquaredChange {
  ConstMatrix<T, Space> a, b;
  Vector<T, Space> squares;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    T sum = 0;
    for (std::size_t j = 0; j < a.extent(1); ++j) sum += (a(i, j) - b(i, j)) * (a(i, j) - b(i, j));
    squares(i) = sum;
  }
};

/// Largest squared distance of a point to all others, from products of the two.
template <class Space, class T>
struct FarthestPoint {
  ConstMatrix<T, Space> products;
  ConstVector<T, Space> mine, all;  ///< squared lengths
  Vector<T, Space> farthest;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    T most = 0;
    for (std::size_t j = 0; j < all.size(); ++j) {
      T const square = mine(i) + all(j) - 2 * products(i, j);
      if (square > most) most = square;
    }
    farthest(i) = most;
  }
};

}  // namespace krate::models
