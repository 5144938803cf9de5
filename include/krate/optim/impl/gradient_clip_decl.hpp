// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/parameters.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

/// Each segment is summed in this many stretches at once, and the stretches in order: the norm does not depend on
/// threads.
inline constexpr std::size_t gradient_chunks = 256;

template <class Space>
Vector<double, Space> gradient_norm_scratch(Workspace<Space>& work) {
  return work.template take<double>(gradient_chunks);
}

template <class Space, class T>
struct GradientClip {
  static void norm(Space const& space, ParameterList<Space, T> const& list, Workspace<Space> work,
                   Value<double, Space> norm);
  static void scale(Space const& space, Value<double const, Space> norm, double max_norm, Value<T, Space> scale);
};

}  // namespace krate::impl
