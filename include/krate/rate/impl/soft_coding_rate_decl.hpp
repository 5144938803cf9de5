// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::impl {

/// What soft memberships take, all in double: K matrices of side dim, and K copies of a chunk of rows.
template <class Space>
struct SoftRateScratch {
  enum class For { value, gradient, hessian };

  Tensor3<double, Space> factors;         ///< [classes, dim, dim] S_k, then its factor
  Matrix<double, Space> diagonal, spare;  ///< [classes, dim]
  Vector<double, Space> weights, traces;  ///< [classes] t_k, and tr S_k^{-1}
  Tensor3<double, Space> scaled;          ///< [classes, chunk, dim]
  Tensor3<double, Space> products;        ///< [classes, dim, dim]; not for values
  Matrix<double, Space> directions;       ///< [chunk, dim]; for Hessians
  Tensor3<double, Space> changed;         ///< [classes, chunk, dim]; for Hessians

  SoftRateScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes, For what)
      : factors(work.template take<double>(classes, dim, dim)),
        diagonal(work.template take<double>(classes, dim)),
        spare(work.template take<double>(classes, dim)),
        weights(work.template take<double>(classes)),
        traces(work.template take<double>(classes)) {
    std::size_t const chunk =
        std::min(samples, std::clamp<std::size_t>(4096 / std::max<std::size_t>(classes, 1), 16, 512));
    scaled = work.template take<double>(classes, chunk, dim);
    if (what == For::value) return;
    products = work.template take<double>(classes, dim, dim);
    if (what == For::gradient) return;
    directions = work.template take<double>(chunk, dim);
    changed = work.template take<double>(classes, chunk, dim);
  }
};

/// Memberships are [samples, classes]; they may be one number seen many times.
template <class Space, class T>
struct SoftCodingRate {
  /// dz and dmemberships are empty where they are not wanted.
  static void run(Space const& space, ConstStrided<T, Space> z, ConstStrided<T, Space> memberships,
                  SoftRateOptions const& options, Workspace<Space> work, Value<double, Space> rate,
                  Vector<double, Space> per_class, Strided<T, Space> dz, Strided<T, Space> dmemberships);
  static void hessian_product(Space const& space, ConstStrided<T, Space> z, ConstStrided<T, Space> memberships,
                              SoftRateOptions const& options, ConstStrided<T, Space> direction, Workspace<Space> work,
                              Strided<T, Space> product);
  /// 1 where the label is the column, NaN in the rows of labels out of range.
  static void one_hot(Space const& space, ConstVector<Label, Space> labels, Matrix<T, Space> memberships);
};

}  // namespace krate::impl
