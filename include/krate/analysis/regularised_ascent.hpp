// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/regularised_ascent_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

/// Gradient ascent on regularised_rate() by steps of one length: Z += step dF/dZ. Every critical point of F that is not
/// a maximiser is a strict saddle, so that generic starts end at a maximiser; starts that are too small end at Z = 0.
/// Source: Wang et al. 2024. With a step of at most 1 / (9/8 alpha + lambda), F never decreases.
/// @param z          [samples, dim] LayoutRight and contiguous, of double: the start, and on return the end
/// @param labels     [samples] of Label
/// @param options    step 0 means 1 / alpha, alpha = dim / (samples eps_squared)
/// @throws ShapeError if extents disagree; ValueError for bad options or an empty z; NumericalError if F is not finite
/// @note allocates: yes, before the first step; fences: each step; bitwise repeatable: yes
template <class Space, class Z, class Labels>
AscentTrace regularised_ascent(Space const& space, Z const& z, Labels const& labels,
                               RegularisedRateOptions const& objective, AscentOptions const& options = {}) {
  static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
  constexpr char const* where = "krate::analysis::regularised_ascent";
  require_value(z.size() > 0, where, "z", "empty", "must have rows and columns");
  krate::impl::require_packed(z);
  return krate::impl::RegularisedAscent<Space, double>::run(space, as_matrix<Space>(z), as_vector<Space>(labels),
                                                            objective, options);
}

}  // namespace krate::analysis
