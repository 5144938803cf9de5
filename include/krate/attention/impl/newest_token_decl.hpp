// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

template <class Space, class T>
struct NewestToken {
  /// @param values  the column of `context` where values begin; keys begin at 0
  static void attend(Space const& space, ConstMatrix<T, Space> queries, ConstTensor3<T, Space> context,
                     std::size_t values, std::size_t position, std::size_t heads, Workspace<Space> work,
                     Matrix<T, Space> out);
};

}  // namespace krate::impl
