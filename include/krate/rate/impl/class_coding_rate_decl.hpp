// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::impl {

/// Samples sorted by class. Class `classes` collects those whose label is out of range.
template <class Space>
struct ClassOrder {
  static constexpr std::size_t chunks = 16;

  Matrix<std::int64_t, Space> place;  ///< [chunks, classes + 1] next place of a chunk's samples of a class
  Vector<std::int64_t, Space> begin;  ///< [classes + 2] first sorted sample of a class
  Vector<std::int64_t, Space> order;  ///< [samples] sorted by class, then by row

  ClassOrder() = default;
  ClassOrder(Workspace<Space>& work, std::size_t samples, std::size_t classes)
      : place(work.template take<std::int64_t>(chunks, classes + 1)),
        begin(work.template take<std::int64_t>(classes + 2)),
        order(work.template take<std::int64_t>(samples)) {}
};

/// What class_coding_rate() takes.
template <class Space>
struct ClassRateScratch : ClassOrder<Space> {
  Vector<std::int64_t, Space> factor_begin;  ///< [classes] where its matrix begins in `factors`
  Matrix<double, Space> sorted;              ///< [samples, dim] rows of z in that order; later the gradient's
  Vector<double, Space> factors;             ///< S_k of the smaller side, one after another
  Matrix<double, Space> vectors;             ///< [2, samples] two vectors as long as its side a class, from begin(k)

  /// Side s_k = min(n_k, dim) gives s_k^2 <= n_k dim and s_k^2 <= dim^2: the bound on `factors` needs no class sizes.
  ClassRateScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : ClassOrder<Space>(work, samples, classes),
        factor_begin(work.template take<std::int64_t>(classes)),
        sorted(work.template take<double>(samples, dim)),
        factors(work.template take<double>(std::min(samples, classes * dim) * dim)),
        vectors(work.template take<double>(2, samples)) {}
};

template <class Space, class T>
struct ClassCodingRate {
  /// `gradient` is empty if only values are wanted.
  static void run(Space const& space, ConstStrided<T, Space> z, ConstVector<Label, Space> labels,
                  ClassRateOptions const& options, Workspace<Space> work, Value<double, Space> rate,
                  Vector<double, Space> per_class, Strided<T, Space> gradient);
};

}  // namespace krate::impl
