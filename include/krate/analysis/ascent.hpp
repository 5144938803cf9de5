// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What ways of climbing an objective have in common.
#pragma once

#include <cstddef>
#include <vector>

namespace krate::analysis {

struct AscentOptions {
  double step = 0;                ///< length of a step in units of the gradient; 0: the default of the function
  double tolerance = 1e-9;        ///< ends when the norm of the gradient is below
  std::size_t iterations = 5000;  ///< the most steps
};

/// The objective, and the norm of the gradient, at the start and after each step.
struct AscentTrace {
  std::vector<double> objective, gradient_norm;
  bool converged = false;  ///< whether the tolerance was reached

  std::size_t steps() const { return objective.empty() ? 0 : objective.size() - 1; }
};

}  // namespace krate::analysis
