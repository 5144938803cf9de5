// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/host_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace krate::models {

HostMatrix transpose(HostMatrix const& a) {
  HostMatrix t(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  return t;
}

HostMatrix multiply(HostMatrix const& a, HostMatrix const& b) {
  HostMatrix c(a.rows, b.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = 0; k < a.columns; ++k) {
      double const factor = a(i, k);
      double const* const from = &b.values[k * b.columns];
      double* const to = &c.values[i * c.columns];
      for (std::size_t j = 0; j < b.columns; ++j) to[j] += factor * from[j];
    }
  }
  return c;
}

HostMatrix multiply_transposed(HostMatrix const& a, HostMatrix const& b) {
  HostMatrix c(a.columns, b.columns);
  for (std::size_t k = 0; k < a.rows; ++k)
    for (std::size_t i = 0; i < a.columns; ++i)
      for (std::size_t j = 0; j < b.columns; ++j) c(i, j) += a(k, i) * b(k, j);
  return c;
}

HostMatrix orthonormal_columns(HostMatrix a) {
  std::size_t const m = a.rows, n = a.columns;
  std::vector<double> factors(n);
  auto const reflect = [&](HostMatrix& x, std::size_t k, std::size_t first) {
    for (std::size_t j = first; j < n; ++j) {
      double sum = x(k, j);
      for (std::size_t i = k + 1; i < m; ++i) sum += a(i, k) * x(i, j);
      sum *= factors[k];
      x(k, j) -= sum;
      for (std::size_t i = k + 1; i < m; ++i) x(i, j) -= sum * a(i, k);
    }
  };
  for (std::size_t k = 0; k < n; ++k) {
    double below = 0;
    for (std::size_t i = k + 1; i < m; ++i) below += a(i, k) * a(i, k);
    if (below == 0) continue;  // no reflection: the factor stays 0
    double const head = a(k, k), length = -std::copysign(std::sqrt(head * head + below), head);
    factors[k] = (length - head) / length;
    for (std::size_t i = k + 1; i < m; ++i) a(i, k) /= head - length;
    reflect(a, k, k + 1);
  }
  HostMatrix q(m, n);
  for (std::size_t k = 0; k < n; ++k) q(k, k) = 1;
  for (std::size_t k = n; k-- > 0;) reflect(q, k, k);
  return q;
}

HostMatrix polar_factor(HostMatrix u) {
  double norm = 0;
  for (double const x : u.values) norm += x * x;
  double const allowed = 1.5 * static_cast<double>(u.columns);
  if (norm > allowed || norm < 0.5)
    for (double& x : u.values) x /= std::sqrt(norm);
  // Newton and Schulz: U (3 - U^T U) / 2 has singular values nearer to 1.
  for (int round = 0; round < 200; ++round) {
    auto step = multiply_transposed(u, u);
    double off = 0;
    for (std::size_t i = 0; i < u.columns; ++i)
      for (std::size_t j = 0; j < u.columns; ++j) {
        off = std::max(off, std::abs(step(i, j) - (i == j)));
        step(i, j) = (i == j ? 1.5 : 0) - 0.5 * step(i, j);
      }
    if (off < 4e-16) break;
    u = multiply(u, step);
  }
  return u;
}

HostMatrix solve(HostMatrix a, HostMatrix b) {
  std::size_t const n = a.rows, m = b.columns;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (pivot != k) {
      for (std::size_t j = k; j < n; ++j) std::swap(a(k, j), a(pivot, j));
      for (std::size_t j = 0; j < m; ++j) std::swap(b(k, j), b(pivot, j));
    }
    for (std::size_t i = k + 1; i < n; ++i) {
      double const factor = a(i, k) / a(k, k);
      for (std::size_t j = k + 1; j < n; ++j) a(i, j) -= factor * a(k, j);
      for (std::size_t j = 0; j < m; ++j) b(i, j) -= factor * b(k, j);
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = 0; j < m; ++j) {
      double sum = b(k, j);
      for (std::size_t i = k + 1; i < n; ++i) sum -= a(k, i) * b(i, j);
      b(k, j) = sum / a(k, k);
    }
  }
  return b;
}

namespace {

/// The inverse by Cholesky's factor, unless S is near to singular: none if its condition may exceed `most`.
std::optional<HostMatrix> inverse_if_conditioned(HostMatrix const& s, double most) {
  std::size_t const n = s.rows;
  HostMatrix l(n, n), w(n, n);  // S = L L^T, W = L^-1
  double norm = 0, inverse_norm = 0;
  for (std::size_t i = 0; i < n; ++i) {
    norm += s(i, i);
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = s(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      if (j < i) {
        l(i, j) = sum / l(j, j);
      } else {
        if (!(sum > 0)) return {};
        l(i, i) = std::sqrt(sum);
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    w(i, i) = 1 / l(i, i);
    for (std::size_t k = 0; k < i; ++k) {
      double const factor = l(i, k) / l(i, i);
      for (std::size_t j = 0; j <= k; ++j) w(i, j) -= factor * w(k, j);
    }
    for (std::size_t j = 0; j <= i; ++j) inverse_norm += w(i, j) * w(i, j);
  }
  if (!(norm * inverse_norm < most)) return {};  // traces: at least the condition number
  return multiply_transposed(w, w);
}

/// Jacobi's rotations: A becomes diagonal, the columns of the result its eigenvectors.
HostMatrix diagonalise(HostMatrix& a) {
  std::size_t const n = a.rows;
  HostMatrix v(n, n);
  for (std::size_t i = 0; i < n; ++i) v(i, i) = 1;
  double scale = 0;
  for (double const x : a.values) scale = std::max(scale, std::abs(x));
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        off = std::max(off, std::abs(a(p, q)));
        if (std::abs(a(p, q)) <= 1e-300) continue;
        double const theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        double const t = std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(1 + theta * theta));
        double const c = 1 / std::sqrt(1 + t * t), s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          double const x = a(k, p), y = a(k, q);
          a(k, p) = c * x - s * y;
          a(k, q) = s * x + c * y;
          double const e = v(k, p), f = v(k, q);
          v(k, p) = c * e - s * f;
          v(k, q) = s * e + c * f;
        }
        for (std::size_t k = 0; k < n; ++k) {
          double const x = a(p, k), y = a(q, k);
          a(p, k) = c * x - s * y;
          a(q, k) = s * x + c * y;
        }
      }
    }
    if (off <= 1e-17 * scale) break;
  }
  return v;
}

}  // namespace

HostMatrix solve_semidefinite(HostMatrix const& s, HostMatrix const& b, double cutoff) {
  double const least = cutoff * cutoff;
  if (auto const inverse = inverse_if_conditioned(s, 0.5 / least)) return multiply(*inverse, b);
  HostMatrix a = s;
  auto const v = diagonalise(a);
  double largest = 0;
  for (std::size_t i = 0; i < a.rows; ++i) largest = std::max(largest, a(i, i));
  auto x = multiply_transposed(v, b);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j) x(i, j) = a(i, i) > least * largest ? x(i, j) / a(i, i) : 0;
  return multiply(v, x);
}

}  // namespace krate::models
