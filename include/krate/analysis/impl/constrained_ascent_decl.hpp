// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/ascent.hpp"
#include "krate/analysis/rate_problem.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct ConstrainedAscent {
  static analysis::AscentTrace run(Space const& space, Matrix<T, Space> z, analysis::RateProblem const& problem,
                                   std::vector<std::int64_t> const& ranks, analysis::AscentOptions const& options);
};

}  // namespace krate::impl
