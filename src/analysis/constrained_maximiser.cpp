// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/constrained_maximiser.hpp"

#include <limits>

#include "analysis/impl/concave_envelope.hpp"

namespace krate::analysis {

double precision_constant(double q) {
  require_value(q > 1, "krate::analysis::precision_constant", "q", q, "must be above 1: it is m / m_k");
  double const u = impl::envelope_point(q);
  return 1 / (q * u * u);
}

ConstrainedMaximiser constrained_maximiser(RateProblem const& problem, std::vector<std::int64_t> const& ranks) {
  constexpr char const* where = "krate::analysis::constrained_maximiser";
  problem.require(where);
  std::size_t const classes = problem.class_sizes.size();
  if (ranks.size() != classes) {
    throw ShapeError(where, std::to_string(ranks.size()) + " ranks were given, expected " + std::to_string(classes) +
                                " (one a class); give as many as there are class sizes");
  }
  double const alpha = problem.alpha(), eps_fourth = problem.eps_squared * problem.eps_squared;
  ConstrainedMaximiser found;
  found.is_global = true;
  double least = std::numeric_limits<double>::infinity();
  std::int64_t total = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    auto const most = std::min(problem.class_sizes[k], static_cast<std::int64_t>(problem.dim));
    require_value(ranks[k] > 0 && ranks[k] <= most, where, "rank", ranks[k],
                  "must be from 1 to the size of its class and to dim");
    total += ranks[k];
    double const rank = static_cast<double>(ranks[k]), q = problem.inverse_share(k);
    double const square = static_cast<double>(problem.class_sizes[k]) / rank;
    double const ratio = static_cast<double>(problem.dim) / rank, bound = ratio * ratio / q;
    found.sigma.push_back(std::sqrt(square));
    found.value += 0.5 * rank * impl::direction_gain(alpha * square, q);
    found.is_global = found.is_global && eps_fourth <= precision_constant(q) * bound;
    least = std::min(least, bound);
  }
  require_value(total <= static_cast<std::int64_t>(problem.dim), where, "sum of ranks", total,
                "must not exceed dim: the classes are to be orthogonal");
  found.precision_ratio = eps_fourth / least;
  return found;
}

}  // namespace krate::analysis
