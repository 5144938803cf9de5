// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/compat.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct ClassMomentSums {
  /// Adds the moments of rows with a label in [0, classes) and counts them; others are counted in the last of `counts`.
  /// @param sorted  as many rows as z     @param moments  [classes, dim, dim], lower triangles
  static void add(Space const& space, ConstStrided<T, Space> z, ConstVector<Label, Space> labels,
                  ClassOrder<Space> const& order, Matrix<double, Space> sorted, Tensor3<double, Space> moments,
                  Vector<std::int64_t, Space> counts, Route route);
};

/// What becomes of moments; T is double. A packed matrix is the rows of its lower triangle.
template <class Space, class T>
struct ClassMomentRates {
  static std::size_t packed_size(std::size_t dim) { return dim * (dim + 1) / 2; }
  /// How many classes are packed, and factored, at a time: what bounds memory where there are many.
  static std::size_t group(std::size_t dim, std::size_t classes) {
    std::size_t const most = (std::size_t(1) << (is_device<Space> ? 24 : 21)) / (dim * dim);
    return std::clamp<std::size_t>(most, 1, classes);
  }

  static void pack(Space const& space, ConstTensor3<T, Space> moments, Matrix<T, Space> packed);
  /// moments += packed
  static void add_packed(Space const& space, ConstMatrix<T, Space> packed, Tensor3<T, Space> moments);
  /// total += the sum of the rows of `packed`, in their order
  static void sum(Space const& space, ConstMatrix<T, Space> packed, Vector<T, Space> total);
  /// rates(b) = 1/2 log det(I + a_b P_b), a_b = dim_over_eps_squared / samples(b), or 0 without samples; NaN where P_b
  /// is not finite.
  /// @param factors  [batch, dim, dim], written     @param diagonals  scratch [batch, dim]
  static void rates(Space const& space, ConstMatrix<T, Space> packed, ConstVector<std::int64_t, Space> samples,
                    double dim_over_eps_squared, Tensor3<T, Space> factors, Matrix<T, Space> diagonals,
                    Value<NumericalStatus, Space> status, Vector<double, Space> rates, Route route);
};

}  // namespace krate::impl
