// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ISTA by plain loops.
#pragma once

#include <algorithm>

#include "support/array.hpp"

namespace krate::testing {

/// By plain loops, in the three-product form of the authors' code.
inline Array oracle_ista(Array const& x, Array const& d, double eta, double lambda) {
  std::size_t const rows = x.extent(0), dim = x.extent(1);
  Array code(x.shape);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> a(dim, 0.0);
    for (std::size_t i = 0; i < dim; ++i)
      for (std::size_t j = 0; j < dim; ++j) a[i] += x(r, j) * d(i, j);
    for (std::size_t i = 0; i < dim; ++i) {
      double g1 = 0, g2 = 0;
      for (std::size_t j = 0; j < dim; ++j) {
        g1 += a[j] * d(j, i);
        g2 += x(r, j) * d(j, i);
      }
      code(r, i) = std::max(0.0, x(r, i) + eta * (g2 - g1) - eta * lambda);
    }
  }
  return code;
}

}  // namespace krate::testing
