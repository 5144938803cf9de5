// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "games/dense.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "krate/core/error.hpp"

namespace krate::games::impl {

Dense Dense::identity(std::size_t n) {
  Dense found(n, n);
  for (std::size_t i = 0; i < n; ++i) found(i, i) = 1;
  return found;
}

Dense& Dense::add(double factor, Dense const& other) {
  for (std::size_t k = 0; k < values.size(); ++k) values[k] += factor * other.values[k];
  return *this;
}

Dense transposed(Dense const& a) {
  Dense found(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j) found(j, i) = a(i, j);
  return found;
}

Dense product(Dense const& a, Dense const& b) {
  Dense found(a.rows, b.columns);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t k = 0; k < a.columns; ++k)
      for (std::size_t j = 0; j < b.columns; ++j) found(i, j) += a(i, k) * b(k, j);
  return found;
}

double dot(Dense const& a, Dense const& b) {
  return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0);
}

Dense identity_plus(double factor, Dense const& a) {
  return Dense::identity(a.rows).add(factor, a);
}

Dense cholesky(Dense const& a) {
  Dense l(a.rows, a.rows);
  for (std::size_t j = 0; j < a.rows; ++j)
    for (std::size_t i = j; i < a.rows; ++i) {
      double sum = a(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      if (i == j && !(sum > 0))
        throw NumericalError("krate::games", "pivot " + std::to_string(j) +
                                                 " is not positive (a matrix should be positive definite); check the "
                                                 "samples and maps for NaN and for huge numbers");
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  return l;
}

double log_det_of_factor(Dense const& lower) {
  double sum = 0;
  for (std::size_t i = 0; i < lower.rows; ++i) sum += 2 * std::log(lower(i, i));
  return sum;
}

Dense solve_lower(Dense const& l, Dense b) {
  for (std::size_t i = 0; i < l.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j) {
      for (std::size_t k = 0; k < i; ++k) b(i, j) -= l(i, k) * b(k, j);
      b(i, j) /= l(i, i);
    }
  return b;
}

Dense solve_upper(Dense const& l, Dense b) {
  for (std::size_t i = l.rows; i-- > 0;)
    for (std::size_t j = 0; j < b.columns; ++j) {
      for (std::size_t k = i + 1; k < l.rows; ++k) b(i, j) -= l(k, i) * b(k, j);
      b(i, j) /= l(i, i);
    }
  return b;
}

Dense inverse_of_factor(Dense const& lower) {
  return solve_upper(lower, solve_lower(lower, Dense::identity(lower.rows)));
}

Eigen symmetric_eigen(Dense a) {
  std::size_t const n = a.rows;
  Dense v = Dense::identity(n);
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
  Eigen found{std::vector<double>(n), Dense(n, n)};
  for (std::size_t i = 0; i < n; ++i) {
    found.values[i] = a(order[i], order[i]);
    for (std::size_t k = 0; k < n; ++k) found.vectors(i, k) = v(order[i], k);
  }
  return found;
}

}  // namespace krate::games::impl
