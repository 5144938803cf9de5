// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::models {

/// exp(-gamma |z_i - centre|^2)
template <class Space, class T>
struct KernelOfDistance {
  ConstMatrix<T, Space> z;
  ConstVector<T, Space> centre;
  Vector<T, Space> kernel;
  T gamma;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    T sum = 0;
    for (std::size_t j = 0; j < centre.size(); ++j) {
      T const difference = z(i, j) - centre(j);
      sum += difference * difference;
    }
    kernel(i) = Kokkos::exp(-gamma * sum);
  }
};

/// Rows less the centre, alone and times their kernels, in another order; zeros beside and below them.
template <class Space, class T>
struct GatherOffsets {
  ConstMatrix<T, Space> z;
  ConstVector<T, Space> centre, all;
  ConstVector<std::int64_t, Space> order;
  std::size_t active;
  Matrix<T, Space> offsets, weighted;
  Vector<T, Space> kernel, squares;  ///< squares: of kernels, 0 for points that are not active
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    bool const there = i < z.extent(0);
    auto const from = there ? static_cast<std::size_t>(order(i)) : 0;
    T const k = there ? all(from) : T(0);
    squares(i) = i < active ? k * k : T(0);
    if (there) kernel(i) = k;
    for (std::size_t j = 0; j < offsets.extent(1); ++j) {
      T const y = there && j < centre.size() ? z(from, j) - centre(j) : T(0);
      offsets(i, j) = y;
      if (i < active) weighted(i, j) = k * y;
    }
  }
};

/// As many columns as `to` has.
template <class Space, class T>
struct FirstColumns {
  ConstMatrix<T, Space> from;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    for (std::size_t j = 0; j < to.extent(1); ++j) to(i, j) = from(i, j);
  }
};

/// Products of a point's coordinates, zeros beside them.
template <class Space, class T>
struct CoordinateProducts {
  ConstMatrix<T, Space> c;
  Matrix<T, Space> products;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    std::size_t const d = c.extent(1);
    std::size_t p = 0;
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t b = a; b < d; ++b, ++p) products(i, p) = c(i, a) * c(i, b);
    for (; p < products.extent(1); ++p) products(i, p) = 0;
  }
};

/// Rows times the square of their kernel.
template <class Space, class T>
struct WeightedRows {
  ConstMatrix<T, Space> rows;
  ConstVector<T, Space> kernel;
  Matrix<T, Space> weighted;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    for (std::size_t j = 0; j < weighted.extent(1); ++j) weighted(i, j) = kernel(i) * kernel(i) * rows(i, j);
  }
};

/// What moves a point's coordinates: minus the derivative of its products into what the form misses.
template <class Space, class T>
struct CoordinatePull {
  ConstMatrix<T, Space> c, missed;  ///< missed [n, q]: (R V)
  ConstVector<T, Space> kernel;
  Matrix<T, Space> pull;
  T factor;  ///< 1 / (n D)
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    std::size_t const d = c.extent(1);
    T const weight = factor * kernel(i) * kernel(i);
    for (std::size_t a = 0; a < d; ++a) pull(i, a) = 0;
    std::size_t p = 0;
    for (std::size_t a = 0; a < d; ++a) {
      for (std::size_t b = a; b < d; ++b, ++p) {
        T const t = weight * missed(i, p);
        pull(i, a) -= t * c(i, b);
        pull(i, b) -= t * c(i, a);
      }
    }
  }
};

/// |kernel_i r_i|^2
template <class Space, class T>
struct WeightedSquares {
  ConstMatrix<T, Space> r;
  ConstVector<T, Space> kernel;
  Vector<T, Space> squares;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    T sum = 0;
    for (std::size_t j = 0; j < r.extent(1); ++j) sum += r(i, j) * r(i, j);
    squares(i) = kernel(i) * kernel(i) * sum;
  }
};

}  // namespace krate::models
