// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/stiefel_adam.hpp"

#include <cmath>

namespace krate::models {

namespace {
constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

double squared_norm(HostMatrix const& a) {
  double sum = 0;
  for (double const x : a.values) sum += x * x;
  return sum;
}
}  // namespace

double StiefelAdam::step(HostMatrix& u, HostMatrix const& gradient) {
  std::size_t const rows = u.rows, d = u.columns;
  auto g = gradient;
  auto const along = multiply(u, multiply_transposed(gradient, u));
  for (std::size_t i = 0; i < g.values.size(); ++i) g.values[i] -= along.values[i];

  if (steps_++ == 0) first_ = HostMatrix(rows, d);
  second_ = beta2 * second_ + (1 - beta2) * (squared_norm(g) - 0.5 * squared_norm(multiply_transposed(u, g)));
  double const factor =
      -1 / ((1 - std::pow(beta1, steps_)) * (std::sqrt(second_ / (1 - std::pow(beta2, steps_))) + epsilon));
  // A = delta U^T - U delta^T = P Q^T with P = [delta, U], Q = [U, -delta]; x + P (1 - Q^T P / 2)^-1 Q^T x.
  HostMatrix p(rows, 2 * d), q(rows, 2 * d), moved(rows, 2 * d);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t a = 0; a < d; ++a) {
      first_(i, a) = beta1 * first_(i, a) + (1 - beta1) * g(i, a);
      double const delta = factor * first_(i, a);
      p(i, a) = delta;
      p(i, d + a) = u(i, a);
      q(i, a) = u(i, a);
      q(i, d + a) = -delta;
      moved(i, a) = u(i, a);
      moved(i, d + a) = first_(i, a);
    }
  }
  auto inner = multiply_transposed(q, p);
  for (std::size_t i = 0; i < 2 * d; ++i)
    for (std::size_t j = 0; j < 2 * d; ++j) inner(i, j) = (i == j) - 0.5 * inner(i, j);
  auto const shift = multiply(p, solve(inner, multiply_transposed(q, moved)));
  double change = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t a = 0; a < d; ++a) {
      u(i, a) += shift(i, a);
      first_(i, a) += shift(i, d + a);
      change += shift(i, a) * shift(i, a);
    }
  }
  return std::sqrt(change / static_cast<double>(rows * d));
}

}  // namespace krate::models
