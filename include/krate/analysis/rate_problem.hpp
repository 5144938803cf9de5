// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

namespace krate::analysis {

/// What the landscape of a rate reduction depends on beside the features: rows of length dim, m_k of class k.
struct RateProblem {
  std::size_t dim = 0;
  std::vector<std::int64_t> class_sizes;  ///< m_k, each at least 1, of at least two classes
  double eps_squared = 0;                 ///< squared distortion, positive

  std::int64_t samples() const;               ///< m, the sum of the sizes
  double alpha() const;                       ///< dim / (m eps_squared)
  double alpha(std::size_t k) const;          ///< dim / (m_k eps_squared)
  double inverse_share(std::size_t k) const;  ///< m / m_k, called q in the formulas

  /// @throws ValueError from `where` naming what is wrong
  void require(char const* where) const;
};

}  // namespace krate::analysis
