// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "linalg/host_factors.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "krate/core/error.hpp"

namespace krate::impl {

HostMatrix identity_plus(double factor, HostMatrix const& a) {
  return HostMatrix::identity(a.rows).add(factor, a);
}

namespace {
/// @return the row whose pivot is not positive, or none
std::optional<std::size_t> factorise(HostMatrix const& a, HostMatrix& l) {
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      if (i == j && !(sum > 0)) return i;
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  }
  return {};
}
}  // namespace

HostMatrix cholesky(HostMatrix const& a) {
  HostMatrix l(a.rows, a.rows);
  if (auto const bad = factorise(a, l))
    throw NumericalError("krate::cholesky", "pivot " + std::to_string(*bad) +
                                                " is not positive (a matrix should be positive definite); check the "
                                                "samples and maps for NaN and for huge numbers");
  return l;
}

double log_det_of_factor(HostMatrix const& lower) {
  double sum = 0;
  for (std::size_t i = 0; i < lower.rows; ++i) sum += 2 * std::log(lower(i, i));
  return sum;
}

HostMatrix solve_lower(HostMatrix const& l, HostMatrix b) {
  for (std::size_t i = 0; i < l.rows; ++i) {
    for (std::size_t k = 0; k < i; ++k)
      for (std::size_t j = 0; j < b.columns; ++j) b(i, j) -= l(i, k) * b(k, j);
    for (std::size_t j = 0; j < b.columns; ++j) b(i, j) /= l(i, i);
  }
  return b;
}

HostMatrix solve_upper(HostMatrix const& l, HostMatrix b) {
  for (std::size_t i = l.rows; i-- > 0;) {
    for (std::size_t k = i + 1; k < l.rows; ++k)
      for (std::size_t j = 0; j < b.columns; ++j) b(i, j) -= l(k, i) * b(k, j);
    for (std::size_t j = 0; j < b.columns; ++j) b(i, j) /= l(i, i);
  }
  return b;
}

HostMatrix inverse_of_factor(HostMatrix const& lower) {
  return solve_upper(lower, solve_lower(lower, HostMatrix::identity(lower.rows)));
}

HostMatrix solve(HostMatrix a, HostMatrix b) {
  std::size_t const n = a.rows, m = b.columns;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (pivot != k) {
      std::swap_ranges(a.row(k) + k, a.row(k) + n, a.row(pivot) + k);
      std::swap_ranges(b.row(k), b.row(k) + m, b.row(pivot));
    }
    for (std::size_t i = k + 1; i < n; ++i) {
      double const factor = a(i, k) / a(k, k);
      for (std::size_t j = k + 1; j < n; ++j) a(i, j) -= factor * a(k, j);
      for (std::size_t j = 0; j < m; ++j) b(i, j) -= factor * b(k, j);
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) b(k, j) -= a(k, i) * b(i, j);
    for (std::size_t j = 0; j < m; ++j) b(k, j) /= a(k, k);
  }
  return b;
}

/// Jacobi's rotations.
HostEigen eigen_of(HostMatrix a) {
  std::size_t const n = a.rows;
  auto v = HostMatrix::identity(n);
  double const all = dot(a, a);
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = 0; q < p; ++q) off += 2 * a(p, q) * a(p, q);
    if (off <= 1e-34 * all) break;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a(p, q) == 0) continue;
        double const tau = (a(q, q) - a(p, p)) / (2 * a(p, q));
        double const t = (tau < 0 ? -1 : 1) / (std::abs(tau) + std::sqrt(1 + tau * tau));
        double const c = 1 / std::sqrt(1 + t * t), s = t * c;
        auto const turn = [&](double& x, double& y) {
          double const old = x;
          x = c * x - s * y;
          y = s * old + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) turn(a(k, p), a(k, q));
        for (std::size_t k = 0; k < n; ++k) turn(a(p, k), a(q, k));
        for (std::size_t k = 0; k < n; ++k) turn(v(p, k), v(q, k));
      }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return a(i, i) < a(j, j); });
  HostEigen found{std::vector<double>(n), HostMatrix(n, n)};
  for (std::size_t i = 0; i < n; ++i) {
    found.values[i] = a(order[i], order[i]);
    std::copy_n(v.row(order[i]), n, found.vectors.row(i));
  }
  return found;
}

namespace {

/// At least the largest eigenvalue of a semi-definite matrix, and at most n^(1/8) times it: from its eighth power.
double largest_eigenvalue_bound(HostMatrix const& s) {
  double scale = 0;
  for (std::size_t i = 0; i < s.rows; ++i) scale += s(i, i);
  if (!(scale > 0)) return scale;
  HostMatrix power = s;
  for (double& x : power.values) x /= scale;
  for (int i = 0; i < 2; ++i) power = multiply(power, power);
  return scale * std::pow(dot(power, power), 0.125);
}

/// The inverse, unless the condition may exceed `most`.
std::optional<HostMatrix> inverse_if_conditioned(HostMatrix const& s, double most) {
  std::size_t const n = s.rows;
  HostMatrix l(n, n), w(n, n);  // S = L L^T, W = L^-1
  if (factorise(s, l)) return {};
  double trace = 0, inverse_trace = 0;
  for (std::size_t i = 0; i < n; ++i) {
    w(i, i) = 1;
    for (std::size_t k = 0; k < i; ++k)
      for (std::size_t j = 0; j <= k; ++j) w(i, j) -= l(i, k) * w(k, j);
    for (std::size_t j = 0; j <= i; ++j) {
      w(i, j) /= l(i, i);
      inverse_trace += w(i, j) * w(i, j);
    }
    trace += s(i, i);
  }
  auto inverse = multiply_transposed(w, w);
  if (trace * inverse_trace < most) return inverse;
  if (!(largest_eigenvalue_bound(s) * largest_eigenvalue_bound(inverse) < most)) return {};
  return inverse;
}

}  // namespace

HostMatrix inverse_above(HostMatrix const& s, double cutoff) {
  double const least = cutoff * cutoff;
  if (auto inverse = inverse_if_conditioned(s, 0.5 / least)) return std::move(*inverse);
  auto const e = eigen_of(s);
  double const largest = e.values.empty() ? 0 : e.values.back();
  return applied(e, [&](double x) { return x > least * largest ? 1 / x : 0; });
}

}  // namespace krate::impl
