// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/models/stiefel_adam.hpp"
#include "krate/models/tangent_fit.hpp"
#include "linalg/host_factors.hpp"
#include "linalg/impl/small_product.hpp"

namespace krate::models {

/// What an iteration of a fit does with sums over all points: small matrices in host memory, alike on all ranks. Rows
/// are whole tiles wide, with zeros at their end.
class TangentAlgebra {
 public:
  /// @param frame    [D, d] orthonormal columns
  /// @param moments  [D, padded D] sum of k^2 y y^T
  TangentAlgebra(HostMatrix const& frame, HostMatrix const& moments)
      : dim(frame.rows),
        d(frame.columns),
        q(pairs_of(d)),
        wide_dim(padded(dim)),
        wide_d(padded(d)),
        wide_q(padded(q)),
        frame_rows(d, wide_dim),
        frame_columns(dim, wide_d),
        sums(1, q * wide_q + q * wide_dim),
        bend(q, wide_dim),
        minus_square(q, wide_q),
        turned(d, wide_dim),
        gradient(d, wide_dim),
        moments_(moments),
        against_(q + d, wide_dim),
        along_(q + d, wide_d),
        bend_columns_(dim, wide_q),
        pairs_(q, q) {
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t j = 0; j < dim; ++j) frame_rows(a, j) = frame(j, a);
    turn_frame();
  }

  static std::size_t padded(std::size_t n) {
    return static_cast<std::size_t>(krate::impl::tile_padded(static_cast<int>(n)));
  }

  std::size_t const dim, d, q, wide_dim, wide_d, wide_q;
  HostMatrix frame_rows, frame_columns;  ///< U^T and U
  HostMatrix sums;          ///< in: S [q, padded q], sum of k^2 h h^T, then P [q, padded D], sum of k^2 h y^T
  HostMatrix bend;          ///< V^T
  HostMatrix minus_square;  ///< - V^T V
  HostMatrix turned;        ///< in: [d, padded D] sum of t y^T, t what moves a point's coordinates
  HostMatrix gradient;      ///< [d, padded D]

  double const* pair_sums() const { return sums.values.data(); }
  double const* point_sums() const { return sums.values.data() + q * wide_q; }

  /// V for the frame: the right-hand side of its least squares is across the frame.
  void find_bend(double cutoff) {
    std::copy_n(point_sums(), q * wide_dim, against_.row(0));
    product(d, wide_dim, rows_of(frame_rows), moments_, against_.row(q), dim, false);
    product(q + d, wide_d, rows_of(against_), frame_columns, along_.row(0), dim, false);
    for (double& x : along_.values) x = -x;
    product(q + d, wide_dim, rows_of(along_), frame_rows, against_.row(0), d, true);
    for (std::size_t i = 0; i < q; ++i) std::copy_n(pair_sums() + i * wide_q, q, pairs_.row(i));
    auto const inverse = krate::impl::inverse_above(pairs_, cutoff);
    product(q, wide_dim, rows_of(inverse), against_, bend.row(0), q, false);
    for (std::size_t j = 0; j < dim; ++j)
      for (std::size_t p = 0; p < q; ++p) bend_columns_(j, p) = -bend(p, j);
    product(q, wide_q, rows_of(bend), bend_columns_, minus_square.row(0), dim, false);
  }

  /// By the frame at fixed V. @param factor  1 / (points D)
  void find_gradient(double factor) {
    // Less what the form misses times the coordinates: c^T Y - c^T c U^T - c^T H V^T, each weighted.
    product(d, wide_dim, {along_.row(0), 1, wide_of(along_)}, bend, against_.row(q), q, true);
    std::transform(turned.values.begin(), turned.values.end(), against_.row(q), gradient.values.begin(),
                   [&](double t, double missed) { return t - factor * missed; });
  }

  /// @return root of the mean squared change of the frame's entries
  double move(StiefelAdam& adam) {
    double const change = adam.step(frame_rows, gradient);
    turn_frame();
    return std::sqrt(change / static_cast<double>(dim * d));
  }

 private:
  using Left = krate::impl::TileLeft;
  static std::ptrdiff_t wide_of(HostMatrix const& a) { return static_cast<std::ptrdiff_t>(a.columns); }
  static Left rows_of(HostMatrix const& a) { return {a.values.data(), wide_of(a), 1}; }
  static void product(std::size_t rows, std::size_t columns, Left a, HostMatrix const& b, double* c, std::size_t depth,
                      bool add) {
    krate::impl::small_product(static_cast<int>(rows), static_cast<int>(columns) / krate::impl::tile_unit, a,
                               {b.values.data(), wide_of(b)}, {c, static_cast<std::ptrdiff_t>(columns)},
                               static_cast<int>(depth), add);
  }
  void turn_frame() {
    for (std::size_t j = 0; j < dim; ++j)
      for (std::size_t a = 0; a < d; ++a) frame_columns(j, a) = frame_rows(a, j);
  }

  HostMatrix const& moments_;
  HostMatrix against_;  ///< [q + d, padded D] P, and the same for coordinates, less what is along the frame
  HostMatrix along_;    ///< [q + d, padded d] minus that
  HostMatrix bend_columns_, pairs_;
};

}  // namespace krate::models
