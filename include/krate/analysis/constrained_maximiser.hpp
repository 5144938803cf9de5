// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rate reduction with |Z_k|_F^2 = m_k and rank Z_k <= d_k: its maximum in closed form, and projected gradient ascent.
// Source: Yu et al. 2020 (MCR2), theorem A.6. The paper asks for eps^4 < (m_k / m)(d / d_k)^2, which makes the equal
// spectrum a local maximum only; what makes it the global one is a constant c(q_k) of 0.12 to 0.22 in front, q = m /
// m_k:
//     c(q) = 1 / (q u^2),   u the positive root of h(u) = u h'(u),   h(u) = log(1 + u) - log(1 + q u) / q
#pragma once

#include <algorithm>

#include "krate/analysis/impl/constrained_ascent_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

struct ConstrainedMaximiser {
  std::vector<double> sigma;   ///< sqrt(m_k / d_k), all d_k singular values of class k
  double value = 0;            ///< R - R^c with these and orthogonal classes
  double precision_ratio = 0;  ///< eps^4 / min_k (m_k / m)(d / d_k)^2
  /// eps^4 <= c(q_k) (m_k / m)(d / d_k)^2 for all k: `value` is the global maximum. Else unequal spectra may be better.
  bool is_global = false;
};

/// c(q), q = m / m_k > 1: 0.2122 at 2, 0.1974 at 10, 0.1619 at 100. @throws ValueError unless q > 1
double precision_constant(double q);

/// @param ranks  d_k, one a class
/// @throws ValueError if the problem is not one, a rank is not from 1 to min(m_k, d), or their sum exceeds d;
/// ShapeError
///         unless there is one a class
ConstrainedMaximiser constrained_maximiser(RateProblem const& problem, std::vector<std::int64_t> const& ranks);

/// Projected gradient ascent: a step along the gradient of R - R^c, then each class is cut to its d_k leading right
/// singular vectors and rescaled to |Z_k|_F^2 = m_k.
/// @param z        [m, dim] LayoutRight and contiguous, of double: the start, projected before the first step, and on
///                 return the end; classes are consecutive rows, of the problem's sizes
/// @param ranks    as in constrained_maximiser()
/// @param options  step 0 means 2 / alpha; ends when |Z_new - Z_old| / step, the trace's gradient_norm, is below
///                 options.tolerance
/// @throws as constrained_maximiser(); ShapeError if z does not fit; NumericalError if the objective is not finite
/// @note allocates: yes, before the first step; fences: each step; bitwise repeatable: yes
template <class Space, class Z>
AscentTrace constrained_ascent(Space const& space, Z const& z, RateProblem const& problem,
                               std::vector<std::int64_t> const& ranks, AscentOptions const& options = {}) {
  static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
  constexpr char const* where = "krate::analysis::constrained_ascent";
  constrained_maximiser(problem, ranks);  // for its checks
  require_shape(where, "z", z, {static_cast<std::size_t>(problem.samples()), problem.dim}, "a row a sample");
  krate::impl::require_packed(z);
  return krate::impl::ConstrainedAscent<Space, double>::run(space, as_matrix<Space>(z), problem, ranks, options);
}

}  // namespace krate::analysis
