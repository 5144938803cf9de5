// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/symmetric_eigen.hpp"
#include "krate/rate/impl/rate_parts_decl.hpp"

namespace krate::impl {

/// What rate_distance() takes; matrices are [dim, dim].
template <class Space>
struct DistanceScratch {
  MomentScratch<Space> moment;
  Matrix<double, Space> a, b, joint;  ///< scaled moments, then the factors of I + them
  Matrix<double, Space> difference;   ///< of the scaled moments, b less a
  Matrix<double, Space> product;      ///< the difference between two inverse factors
  Matrix<double, Space> vectors;      ///< [2, dim]
  Vector<double, Space> eigenvalues;  ///< [dim]
  Vector<double, Space> rates;        ///< of a, b and both together
  Value<NumericalStatus, Space> status;
  DistanceScratch(Workspace<Space>& work, std::size_t rows, std::size_t dim)
      : moment(work, rows, dim),
        a(work.template take<double>(dim, dim)),
        b(work.template take<double>(dim, dim)),
        joint(work.template take<double>(dim, dim)),
        difference(work.template take<double>(dim, dim)),
        product(work.template take<double>(dim, dim)),
        vectors(work.template take<double>(2, dim)),
        eigenvalues(work.template take<double>(dim)),
        rates(work.template take<double>(3)),
        status(work.template take<NumericalStatus>()) {}
};

template <class Space, class T>
struct RateDistance {
  /// da and db are empty if only the value is wanted.
  static void run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b, double eps_squared,
                  Workspace<Space> work, Value<double, Space> distance, Strided<T, Space> da, Strided<T, Space> db,
                  Route route);
};

}  // namespace krate::impl
