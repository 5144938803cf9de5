// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coding rates by plain loops, straight from the formulas.
#pragma once

#include <vector>

#include "support/matrix_oracle.hpp"

namespace krate::testing {

/// I + alpha z^T z.
inline Array rate_matrix(Array const& z, double alpha) {
  std::size_t const d = z.extent(1);
  Array s({d, d});
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      for (std::size_t t = 0; t < z.extent(0); ++t) s(i, j) += alpha * z(t, i) * z(t, j);
      s(i, j) += i == j;
    }
  return s;
}

inline double half_log_det_of(Array const& s) {
  Array const l = cholesky_factor(s);
  double sum = 0;
  for (std::size_t i = 0; i < s.extent(0); ++i) sum += std::log(l(i, i));
  return sum;
}

/// By Gauss and Jordan, without pivoting: all eigenvalues are at least 1.
inline Array inverse_of(Array s) {
  std::size_t const n = s.extent(0);
  Array x({n, n});
  for (std::size_t i = 0; i < n; ++i) x(i, i) = 1;
  for (std::size_t k = 0; k < n; ++k) {
    double const pivot = s(k, k);
    for (std::size_t j = 0; j < n; ++j) {
      s(k, j) /= pivot;
      x(k, j) /= pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      double const factor = s(i, k);
      if (i == k || factor == 0) continue;
      for (std::size_t j = 0; j < n; ++j) {
        s(i, j) -= factor * s(k, j);
        x(i, j) -= factor * x(k, j);
      }
    }
  }
  return x;
}

inline Array scaled(double alpha, Array a) {
  for (double& x : a.data) x *= alpha;
  return a;
}

/// The dim x dim side, as the formula stands, but for very wide matrices, which are too slow in plain loops.
inline bool is_very_wide(Array const& z) {
  return z.extent(1) > 10 * z.extent(0) && z.extent(1) > 100;
}
inline double oracle_rate(Array const& z, double alpha) {
  return half_log_det_of(rate_matrix(is_very_wide(z) ? transpose_of(z) : z, alpha));
}
/// alpha z (I + alpha z^T z)^{-1}
inline Array oracle_gradient(Array const& z, double alpha) {
  if (is_very_wide(z)) return transpose_of(oracle_gradient(transpose_of(z), alpha));
  return scaled(alpha, product(z, inverse_of(rate_matrix(z, alpha))));
}
/// dim / (samples eps^2); samples: the rows of z unless given.
inline double alpha_of(Array const& z, double eps_squared, std::size_t samples = 0) {
  std::size_t const n = samples ? samples : z.extent(0);
  return n ? static_cast<double>(z.extent(1)) / (static_cast<double>(n) * eps_squared) : 0;
}

inline Array rows_of_class(Array const& z, std::vector<int> const& labels, int k) {
  std::vector<double> rows;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == k)
      for (std::size_t j = 0; j < z.extent(1); ++j) rows.push_back(z(i, j));
  std::size_t const d = z.extent(1), count = d ? rows.size() / d : 0;
  return Array({count, d}, std::move(rows));
}

/// Values and gradients are made in double whatever the scalar of the data; a float gradient is rounded when it is
/// written.
template <class T>
constexpr double rate_tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-12;

/// Rows are orthonormal (Gram and Schmidt, twice).
inline Array orthonormal(std::uint64_t seed, std::size_t n) {
  Array q = filled(seed, {n, n});
  for (std::size_t i = 0; i < n; ++i) {
    for (int twice = 0; twice < 2; ++twice)
      for (std::size_t k = 0; k < i; ++k) {
        double s = 0;
        for (std::size_t j = 0; j < n; ++j) s += q(i, j) * q(k, j);
        for (std::size_t j = 0; j < n; ++j) q(i, j) -= s * q(k, j);
      }
    double norm = 0;
    for (std::size_t j = 0; j < n; ++j) norm += q(i, j) * q(i, j);
    for (std::size_t j = 0; j < n; ++j) q(i, j) /= std::sqrt(norm);
  }
  return q;
}

/// The same rows in another order; their number must not be a multiple of 7.
inline Array permuted_rows(Array const& z) {
  Array p = z;
  for (std::size_t i = 0; i < z.extent(0); ++i)
    for (std::size_t j = 0; j < z.extent(1); ++j) p(i, j) = z((i * 7 + 3) % z.extent(0), j);
  return p;
}

}  // namespace krate::testing
