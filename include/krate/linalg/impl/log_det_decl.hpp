// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct LogDet {
  static void run(Space const& space, ConstTensor3<T, Space> l, Vector<T, Space> result);
};

}  // namespace krate::impl
