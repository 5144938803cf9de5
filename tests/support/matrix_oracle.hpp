// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix algebra by plain loops.
#pragma once

#include <cmath>

#include "support/array.hpp"

namespace krate::testing {

inline Array transpose_of(Array const& a) {
  Array t({a.extent(1), a.extent(0)});
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < a.extent(1); ++j) t(j, i) = a(i, j);
  return t;
}

inline Array product(Array const& a, Array const& b) {
  Array c({a.extent(0), b.extent(1)});
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < b.extent(1); ++j)
      for (std::size_t k = 0; k < a.extent(1); ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// alpha x + beta y.
inline Array combined(double alpha, Array const& x, double beta, Array const& y) {
  Array z = x;
  for (std::size_t i = 0; i < z.size(); ++i) z.data[i] = alpha * x.data[i] + (beta == 0 ? 0 : beta * y.data[i]);
  return z;
}

/// A symmetric positive definite matrix, eigenvalues at least 1.
inline Array definite(std::uint64_t seed, std::size_t n) {
  Array const x = filled(seed, {n + 2, n});
  Array s = product(transpose_of(x), x);
  for (std::size_t i = 0; i < n; ++i) s(i, i) += 1;
  return s;
}

/// Lower triangle of the factor, zero above.
inline Array cholesky_factor(Array const& s) {
  std::size_t const n = s.extent(0);
  Array l({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = s(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  return l;
}

}  // namespace krate::testing
