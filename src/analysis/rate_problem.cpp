// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/rate_problem.hpp"

#include <numeric>

#include "krate/core/require.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::analysis {

std::int64_t RateProblem::samples() const {
  return std::accumulate(class_sizes.begin(), class_sizes.end(), std::int64_t(0));
}

double RateProblem::alpha() const {
  return static_cast<double>(dim) / (static_cast<double>(samples()) * eps_squared);
}

double RateProblem::alpha(std::size_t k) const {
  return static_cast<double>(dim) / (static_cast<double>(class_sizes[k]) * eps_squared);
}

double RateProblem::inverse_share(std::size_t k) const {
  return static_cast<double>(samples()) / static_cast<double>(class_sizes[k]);
}

void RateProblem::require(char const* where) const {
  require_value(dim > 0, where, "dim", dim, "must be positive");
  require_value(class_sizes.size() > 1, where, "classes", class_sizes.size(),
                "must be at least 2: the rate reduction of one class is 0 everywhere");
  for (auto const size : class_sizes)
    require_value(size > 0, where, "class size", size, "must be positive; leave empty classes out");
  krate::impl::require_eps_squared(where, eps_squared);
}

}  // namespace krate::analysis
