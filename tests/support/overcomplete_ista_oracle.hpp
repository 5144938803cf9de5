// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Overcomplete ISTA by plain loops.
#pragma once

#include <algorithm>

#include "support/array.hpp"

namespace krate::testing {

/// As many proximal steps from a code of zero: a <- max(0, a - eta D^T (D a - x) - eta lambda), token by token.
inline Array oracle_overcomplete_ista(Array const& x, Array const& d, double eta, double lambda, int steps = 2) {
  std::size_t const dim = d.extent(0), codes = d.extent(1);
  Array code({x.extent(0), codes});
  for (std::size_t r = 0; r < x.extent(0); ++r) {
    std::vector<double> a(codes, 0.0);
    for (int step = 0; step < steps; ++step) {
      std::vector<double> error(dim);
      for (std::size_t i = 0; i < dim; ++i) {
        error[i] = -x(r, i);
        for (std::size_t j = 0; j < codes; ++j) error[i] += d(i, j) * a[j];
      }
      for (std::size_t j = 0; j < codes; ++j) {
        double slope = 0;
        for (std::size_t i = 0; i < dim; ++i) slope += d(i, j) * error[i];
        a[j] = std::max(0.0, a[j] - eta * slope - eta * lambda);
      }
    }
    for (std::size_t j = 0; j < codes; ++j) code(r, j) = a[j];
  }
  return code;
}

}  // namespace krate::testing
