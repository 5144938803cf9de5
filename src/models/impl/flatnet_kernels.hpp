// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/models/kernel_inverse.hpp"

namespace krate::models {

/// A layer where it works.
template <class Space, class T>
struct FlatnetMaps {
  ConstMatrix<T, Space> frame, bend;
  ConstVector<T, Space> mean, centre, shift, numbers;  ///< numbers: alpha, gamma, scale
};

/// (z - mean) / scale, or back.
template <class Space, class T>
struct NormaliseInput {
  ConstVector<T, Space> mean, scale;
  Matrix<T, Space> z;
  bool back;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    for (std::size_t j = 0; j < mean.size(); ++j)
      z(i, j) = back ? z(i, j) * scale(0) + mean(j) : (z(i, j) - mean(j)) / scale(0);
  }
};

/// A thread a point; c [points, d].
template <class Space, class T>
struct FlattenPoints {
  FlatnetMaps<Space, T> maps;
  Matrix<T, Space> z, c;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    std::size_t const d = maps.frame.extent(1), dim = maps.frame.extent(0);
    for (std::size_t a = 0; a < d; ++a) c(i, a) = 0;
    T distance = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      T const y = z(i, j) - maps.mean(j);
      distance += y * y;
      for (std::size_t a = 0; a < d; ++a) c(i, a) += y * maps.frame(j, a);
    }
    T const k = maps.numbers(0) * Kokkos::exp(-maps.numbers(1) * distance), scale = maps.numbers(2);
    for (std::size_t j = 0; j < dim; ++j) {
      T on_plane = 0;
      for (std::size_t a = 0; a < d; ++a) on_plane += maps.frame(j, a) * c(i, a);
      T const y = z(i, j) - maps.mean(j);
      z(i, j) = ((1 - k) * y + k * on_plane + maps.mean(j) - maps.shift(j)) / scale;
    }
  }
};

/// The way back; c [points, 2 d].
template <class Space, class T>
struct BendPoints {
  FlatnetMaps<Space, T> maps;
  Matrix<T, Space> z, c;
  KOKKOS_FUNCTION void operator()(std::size_t i) const {
    std::size_t const d = maps.frame.extent(1), dim = maps.frame.extent(0);
    for (std::size_t a = 0; a < 2 * d; ++a) c(i, a) = 0;
    T distance = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      T const y = maps.numbers(2) * z(i, j) + maps.shift(j);
      z(i, j) = y;
      distance += (y - maps.mean(j)) * (y - maps.mean(j));
      for (std::size_t a = 0; a < d; ++a) {
        c(i, a) += (y - maps.centre(j)) * maps.frame(j, a);
        c(i, d + a) += (y - maps.mean(j)) * maps.frame(j, a);
      }
    }
    T along = 0;
    for (std::size_t a = 0; a < d; ++a) along += c(i, d + a) * c(i, d + a);
    T const across = distance > along ? distance - along : 0;
    T const k = kernel_before_layer(maps.numbers(0), maps.numbers(1), along, across);
    for (std::size_t j = 0; j < dim; ++j) {
      T normal = maps.centre(j) - maps.mean(j);
      std::size_t p = 0;
      for (std::size_t a = 0; a < d; ++a) {
        normal -= maps.frame(j, a) * (c(i, d + a) - c(i, a));
        for (std::size_t b = a; b < d; ++b, ++p) normal += maps.bend(p, j) * c(i, a) * c(i, b);
      }
      z(i, j) += k * normal;
    }
  }
};

}  // namespace krate::models
