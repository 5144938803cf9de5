// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

template <class Space, class T>
struct NewestToken {
  static void attend(Space const& space, ConstTensor3<T, Space> projected, std::size_t position, std::size_t heads,
                     Workspace<Space> work, Matrix<T, Space> out);
};

}  // namespace krate::impl
