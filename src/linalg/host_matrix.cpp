// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/linalg/host_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace krate {

HostMatrix HostMatrix::identity(std::size_t n) {
  HostMatrix found(n, n);
  for (std::size_t i = 0; i < n; ++i) found(i, i) = 1;
  return found;
}

HostMatrix& HostMatrix::add(double factor, HostMatrix const& other) {
  for (std::size_t k = 0; k < values.size(); ++k) values[k] += factor * other.values[k];
  return *this;
}

HostMatrix transpose(HostMatrix const& a) {
  HostMatrix t(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  return t;
}

namespace {
void add_row(double factor, double const* from, double* to, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) to[j] += factor * from[j];
}
/// In eight sums, which fill a vector register.
double dot(double const* a, double const* b, std::size_t n) {
  double sums[8] = {}, sum = 0;
  std::size_t k = 0;
  for (; k + 8 <= n; k += 8)
    for (std::size_t l = 0; l < 8; ++l) sums[l] += a[k + l] * b[k + l];
  for (; k < n; ++k) sum += a[k] * b[k];
  for (double const s : sums) sum += s;
  return sum;
}
}  // namespace

HostMatrix multiply(HostMatrix const& a, HostMatrix const& b) {
  HostMatrix c(a.rows, b.columns);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t k = 0; k < a.columns; ++k) add_row(a(i, k), b.row(k), c.row(i), b.columns);
  return c;
}

HostMatrix multiply_transposed(HostMatrix const& a, HostMatrix const& b) {
  HostMatrix c(a.columns, b.columns);
  for (std::size_t k = 0; k < a.rows; ++k)
    for (std::size_t i = 0; i < a.columns; ++i) add_row(a(k, i), b.row(k), c.row(i), b.columns);
  return c;
}

HostMatrix multiply_by_transpose(HostMatrix const& a, HostMatrix const& b) {
  HostMatrix c(a.rows, b.rows);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.rows; ++j) c(i, j) = dot(a.row(i), b.row(j), a.columns);
  return c;
}

double dot(HostMatrix const& a, HostMatrix const& b) {
  return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0);
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

}  // namespace krate
