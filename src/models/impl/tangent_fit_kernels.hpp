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

/// Rows less the centre, and their kernels, in another order.
template <class Space, class T>
struct GatherOffsets {
  ConstMatrix<T, Space> z;
  ConstVector<T, Space> centre, all;
  ConstVector<std::int64_t, Space> order;
  Matrix<T, Space> offsets;
  Vector<T, Space> kernel;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    auto const from = static_cast<std::size_t>(order(i));
    kernel(i) = all(from);
    for (std::size_t j = 0; j < centre.size(); ++j) offsets(i, j) = z(from, j) - centre(j);
  }
};

/// Products of a point's coordinates, alone and with the squared kernel, the latter with the coordinates behind them.
template <class Space, class T>
struct CoordinateProducts {
  ConstMatrix<T, Space> c;
  ConstVector<T, Space> kernel;
  Matrix<T, Space> products, weighted;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    std::size_t const d = c.extent(1);
    T const squared = kernel(i) * kernel(i);
    std::size_t p = 0;
    for (std::size_t a = 0; a < d; ++a) {
      for (std::size_t b = a; b < d; ++b, ++p) {
        T const product = c(i, a) * c(i, b);
        products(i, p) = product;
        weighted(i, p) = squared * product;
      }
    }
    for (std::size_t a = 0; a < d; ++a) weighted(i, p + a) = squared * c(i, a);
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
