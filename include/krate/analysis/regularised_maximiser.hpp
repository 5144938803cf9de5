// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Closed forms for the landscape of F = R - R^c - lambda / 2 |Z|^2 (krate/rate/regularised_rate.hpp).
// Source: Wang, Liu, Pai, Yu, Zhu, Qu, Ma, "A global geometric analysis of maximal coding rate reduction", ICML 2024,
// theorems 1 and 2. Beyond the printed statements: at lambda_max itself the maximiser degenerates, and above
// lambda_glob directions lower the objective, so that the global maximiser loses rank.
#pragma once

#include "krate/analysis/rate_problem.hpp"

namespace krate::analysis {

/// One class at a critical point: its squared singular values are 0, s_minus or s_plus, and at a maximiser never
/// s_minus.
struct ClassMaximiser {
  double s_minus = 0;      ///< the barrier that a direction must clear to survive
  double s_plus = 0;       ///< the maximiser
  double sigma = 0;        ///< sqrt(s_plus)
  double kappa = 0;        ///< curvature along a singular value: +kappa at s_minus, -kappa at s_plus
  double gain = 0;         ///< what one direction at s_plus adds to F
  double lambda_glob = 0;  ///< the lambda at which that becomes 0
};

struct RegularisedMaximiser {
  double lambda_max = 0;   ///< below it all statements about local maximisers and strict saddles hold
  double lambda_glob = 0;  ///< the smallest of the classes: below it the global maximiser has full rank
  std::vector<ClassMaximiser> classes;
  std::vector<std::int64_t> ranks;  ///< of a global maximiser: the smallest class is filled first
  double value = 0;                 ///< F there
};

/// lambda_max = alpha (sqrt(q) - 1) / (sqrt(q) + 1), q = m / max m_k. @throws ValueError if the problem is not one
double largest_lambda(RateProblem const& problem);

/// With eta_k = alpha_k - alpha - lambda (q_k + 1), q_k = m / m_k,
///     s_k = (eta_k +- sqrt(eta_k^2 - 4 lambda^2 q_k)) / (2 lambda alpha_k)
/// @throws ValueError if the problem is not one, or unless 0 < lambda < lambda_max
RegularisedMaximiser regularised_maximiser(RateProblem const& problem, double lambda);

/// F at maximisers of these ranks: sum_k r_k gain_k. @throws ShapeError unless there is one a class
double maximiser_value(RegularisedMaximiser const& maximiser, std::vector<std::int64_t> const& ranks);

/// Dimension of the manifold of maximisers with these ranks, which is the nullity of the Hessian there:
///     d r - r (r + 1) / 2 + sum_k (m_k r_k - r_k^2),   r = sum_k r_k
/// @throws ValueError if the problem is not one, a rank exceeds min(m_k, d), or their sum exceeds d; ShapeError unless
///         there is one a class
std::int64_t maximiser_dimension(RateProblem const& problem, std::vector<std::int64_t> const& ranks);

}  // namespace krate::analysis
