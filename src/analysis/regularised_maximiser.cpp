// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/regularised_maximiser.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "analysis/impl/concave_envelope.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

namespace {

ClassMaximiser class_maximiser(double alpha, double q, double lambda) {
  double const alpha_k = q * alpha, root_q = std::sqrt(q), eta = (alpha_k - alpha) - lambda * (q + 1);
  double const root = std::sqrt((eta - 2 * lambda * root_q) * (eta + 2 * lambda * root_q));
  ClassMaximiser found;
  found.s_plus = (eta + root) / (2 * lambda * alpha_k);
  found.s_minus = 1 / (alpha * alpha_k * found.s_plus);
  found.sigma = std::sqrt(found.s_plus);
  found.kappa = 2 * lambda * root / (alpha_k - alpha);
  found.gain = 0.5 * (impl::direction_gain(alpha * found.s_plus, q) - lambda * found.s_plus);
  found.lambda_glob = alpha * impl::direction_slope(impl::envelope_point(q), q);
  return found;
}

/// Directions go to the smallest classes first, as far as they gain anything, and evenly to classes of one size.
std::vector<std::int64_t> global_ranks(RateProblem const& problem, std::vector<ClassMaximiser> const& classes) {
  std::vector<std::tuple<std::int64_t, std::int64_t, std::size_t>> directions;  // size, number in the class, class
  auto const dim = static_cast<std::int64_t>(problem.dim);
  for (std::size_t k = 0; k < classes.size(); ++k)
    for (std::int64_t r = 0; classes[k].gain > 0 && r < std::min(problem.class_sizes[k], dim); ++r)
      directions.emplace_back(problem.class_sizes[k], r, k);
  std::sort(directions.begin(), directions.end());
  directions.resize(std::min(directions.size(), problem.dim));
  std::vector<std::int64_t> ranks(classes.size(), 0);
  for (auto const& direction : directions) ++ranks[std::get<2>(direction)];
  return ranks;
}

void require_one_a_class(char const* where, std::size_t found, std::size_t classes) {
  if (found == classes) return;
  throw ShapeError(where, std::to_string(found) + " ranks were given, expected " + std::to_string(classes) +
                              " (one a class); give as many as there are class sizes");
}

}  // namespace

double largest_lambda(RateProblem const& problem) {
  problem.require("krate::analysis::largest_lambda");
  auto const& sizes = problem.class_sizes;
  auto const largest = static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
  double const root = std::sqrt(problem.inverse_share(largest));
  return problem.alpha() * (root - 1) / (root + 1);
}

RegularisedMaximiser regularised_maximiser(RateProblem const& problem, double lambda) {
  constexpr char const* where = "krate::analysis::regularised_maximiser";
  problem.require(where);
  RegularisedMaximiser found;
  found.lambda_max = largest_lambda(problem);
  require_value(lambda > 0 && lambda < found.lambda_max, where, "lambda", lambda,
                ("must be positive and below lambda_max = " + krate::impl::value_text(found.lambda_max) +
                 ", where the largest class has no maximiser but 0")
                    .c_str());
  for (std::size_t k = 0; k < problem.class_sizes.size(); ++k)
    found.classes.push_back(class_maximiser(problem.alpha(), problem.inverse_share(k), lambda));
  found.lambda_glob = std::min_element(found.classes.begin(), found.classes.end(), [](auto const& a, auto const& b) {
                        return a.lambda_glob < b.lambda_glob;
                      })->lambda_glob;
  found.ranks = global_ranks(problem, found.classes);
  found.value = maximiser_value(found, found.ranks);
  return found;
}

double maximiser_value(RegularisedMaximiser const& maximiser, std::vector<std::int64_t> const& ranks) {
  require_one_a_class("krate::analysis::maximiser_value", ranks.size(), maximiser.classes.size());
  double value = 0;
  for (std::size_t k = 0; k < ranks.size(); ++k) value += static_cast<double>(ranks[k]) * maximiser.classes[k].gain;
  return value;
}

std::int64_t maximiser_dimension(RateProblem const& problem, std::vector<std::int64_t> const& ranks) {
  constexpr char const* where = "krate::analysis::maximiser_dimension";
  problem.require(where);
  require_one_a_class(where, ranks.size(), problem.class_sizes.size());
  auto const dim = static_cast<std::int64_t>(problem.dim);
  std::int64_t total = 0, dimension = 0;
  for (std::size_t k = 0; k < ranks.size(); ++k) {
    std::int64_t const r = ranks[k], most = std::min(problem.class_sizes[k], dim);
    require_value(r >= 0 && r <= most, where, "rank", r, "must be from 0 to the size of its class and to dim");
    total += r;
    dimension += problem.class_sizes[k] * r - r * r;
  }
  require_value(total <= dim, where, "sum of ranks", total, "must not exceed dim");
  return dimension + dim * total - total * (total + 1) / 2;
}

}  // namespace krate::analysis
