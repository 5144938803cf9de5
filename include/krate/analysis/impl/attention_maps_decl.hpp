// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/softmax_rows.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct AttentionMaps {
  static void class_token(Space const& space, ConstTensor3<T, Space> projected, SoftmaxRows<Space, T> const& softmax,
                          Tensor3<T, Space> maps);
};

}  // namespace krate::impl
