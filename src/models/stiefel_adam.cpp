// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/stiefel_adam.hpp"

#include <algorithm>
#include <cmath>

#include "linalg/host_factors.hpp"

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
  std::size_t const d = u.rows;
  HostMatrix g = gradient;
  g.add(-1, multiply(multiply_by_transpose(u, gradient), u));

  if (steps_++ == 0) first_ = HostMatrix(d, u.columns);
  second_ = beta2 * second_ + (1 - beta2) * (squared_norm(g) - 0.5 * squared_norm(multiply_by_transpose(u, g)));
  double const factor =
      -1 / ((1 - std::pow(beta1, steps_)) * (std::sqrt(second_ / (1 - std::pow(beta2, steps_))) + epsilon));
  for (std::size_t i = 0; i < g.values.size(); ++i)
    first_.values[i] = beta1 * first_.values[i] + (1 - beta1) * g.values[i];

  // In columns: A = delta U^T - U delta^T = P Q^T with P = [delta, U], Q = [U, -delta]; x moves to
  // x + P (1 - Q^T P / 2)^-1 Q^T x. All products are those of u and the first moment, of which delta is a multiple.
  auto const uu = multiply_by_transpose(u, u), um = multiply_by_transpose(u, first_),
             mm = multiply_by_transpose(first_, first_);
  HostMatrix inner(2 * d, 2 * d), right(2 * d, 2 * d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b < d; ++b) {
      inner(a, b) = (a == b) - 0.5 * factor * um(a, b);
      inner(a, d + b) = -0.5 * uu(a, b);
      inner(d + a, b) = 0.5 * factor * factor * mm(a, b);
      inner(d + a, d + b) = (a == b) + 0.5 * factor * um(b, a);
      right(a, b) = uu(a, b);
      right(a, d + b) = um(a, b);
      right(d + a, b) = -factor * um(b, a);
      right(d + a, d + b) = -factor * mm(a, b);
    }
  }
  if (steps_ == 1) direction_ = HostMatrix(2 * d, u.columns);
  auto const half = static_cast<std::ptrdiff_t>(u.values.size());
  std::transform(first_.values.begin(), first_.values.end(), direction_.values.begin(),
                 [&](double m) { return factor * m; });
  std::copy(u.values.begin(), u.values.end(), direction_.values.begin() + half);
  auto const shift = multiply_transposed(krate::impl::solve(inner, right), direction_);
  double change = 0;
  for (std::size_t i = 0; i < u.values.size(); ++i) {
    u.values[i] += shift.values[i];
    first_.values[i] += shift.values[static_cast<std::size_t>(half) + i];
    change += shift.values[i] * shift.values[i];
  }
  return change;
}

}  // namespace krate::models
