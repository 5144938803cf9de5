// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/ascent.hpp"
#include "krate/core/types.hpp"
#include "krate/rate/regularised_rate.hpp"

namespace krate::impl {

template <class Space, class T>
struct RegularisedAscent {
  static analysis::AscentTrace run(Space const& space, Matrix<T, Space> z, ConstVector<Label, Space> labels,
                                   RegularisedRateOptions const& objective, analysis::AscentOptions const& options);
};

}  // namespace krate::impl
