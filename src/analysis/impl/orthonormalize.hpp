// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace krate::analysis::impl {

using Rows = std::vector<double>;

inline double dot(double const* a, double const* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Rows made orthonormal one after the other, each twice; those that hang on the rows before them are dropped.
inline void orthonormalize(Rows& rows, std::size_t dim) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i * dim < rows.size(); ++i) {
    double* const x = rows.data() + i * dim;
    double const before = std::sqrt(dot(x, x, dim));
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t j = 0; j < kept; ++j) {
        double const* const q = rows.data() + j * dim;
        double const along = dot(x, q, dim);
        for (std::size_t e = 0; e < dim; ++e) x[e] -= along * q[e];
      }
    double const length = std::sqrt(dot(x, x, dim));
    if (!(length > 1e-10 * before)) continue;
    double* const to = rows.data() + kept++ * dim;
    for (std::size_t e = 0; e < dim; ++e) to[e] = x[e] / length;
  }
  rows.resize(kept * dim);
}

}  // namespace krate::analysis::impl
