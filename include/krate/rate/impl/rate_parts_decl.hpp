// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/linalg/impl/thin_decl.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::impl {

/// Rows that are converted to contiguous double at a time.
inline constexpr std::size_t rate_chunk = 512;

/// What a moment takes: rows in contiguous double, or, where there are many of few columns, the sums of chunks of them.
template <class Space>
struct MomentScratch {
  Matrix<double, Space> packed;
  Vector<double, Space> partial;
  MomentScratch() = default;
  /// @param rows  the most that are added at a time
  MomentScratch(Workspace<Space>& work, std::size_t rows, std::size_t dim)
      : packed(work.template take<double>(std::min(rows, rate_chunk), dim)),
        partial(work.template take<double>(ThinGram<Space, double>::partial_size(rows, dim))) {}
};

/// What a product with the inverse takes: that of the factor, and two triangular products of all rows where they are
/// few, else the inverse itself and one product, chunk by chunk.
template <class Space>
struct InverseScratch {
  Matrix<double, Space> root, inverse, packed, product;
  bool few;
  InverseScratch(Workspace<Space>& work, std::size_t rows, std::size_t dim)
      : root(work.template take<double>(dim, dim)), few(rows < 2 * dim) {
    if (few) {
      product = work.template take<double>(rows, dim);
    } else {
      inverse = work.template take<double>(dim, dim);
      packed = work.template take<double>(std::min(rows, rate_chunk), dim);
      product = work.template take<double>(std::min(rows, rate_chunk), dim);
    }
  }
};

/// What coding_rate() takes: S = I + alpha A^T A of the smaller side, A = z or its transpose, `side` columns wide.
template <class Space>
struct RateScratch {
  Matrix<double, Space> factor;
  MomentScratch<Space> moment;
  Matrix<double, Space> vectors;  ///< [2, side]
  Value<NumericalStatus, Space> status;
  RateScratch(Workspace<Space>& work, std::size_t rows, std::size_t side)
      : factor(work.template take<double>(side, side)),
        moment(work, rows, side),
        vectors(work.template take<double>(2, side)),
        status(work.template take<NumericalStatus>()) {}
};

/// The parts that coding rates are made of; z is [rows, dim] in any layout.
template <class Space, class T>
struct RateParts {
  /// moment = alpha z^T z + beta moment
  static void add_moment(Space const& space, double alpha, ConstStrided<T, Space> z, double beta,
                         MomentScratch<Space> const& scratch, Matrix<double, Space> moment, Route route);
  /// In place: factor = Cholesky factor of S = I + factor; rate = 1/2 log det S, NaN if `factor` has a NaN. Where
  /// rounding in `factor`, which is alpha z^T z, has spoiled too much, the factor is computed from z instead, or, with
  /// no rows in z, that of S and a little more of the identity.
  /// @param vectors  scratch [2, n]
  static void factorize(Space const& space, double alpha, ConstStrided<T, Space> z, Matrix<double, Space> factor,
                        Matrix<double, Space> vectors, Value<NumericalStatus, Space> status, Value<double, Space> rate,
                        Route route);
  /// out = alpha z S^{-1}, S = L L^T.
  static void multiply_inverse(Space const& space, double alpha, ConstStrided<T, Space> z,
                               ConstMatrix<double, Space> factor, Workspace<Space> work, Strided<T, Space> out,
                               Route route);
};

}  // namespace krate::impl
