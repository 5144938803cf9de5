// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate {
enum class Pool;

namespace impl {

template <class Space, class T>
struct PoolTokens {
  static void forward(Space const& space, ConstTensor3<T, Space> tokens, Pool pool, Matrix<T, Space> pooled);
  static void backward(Space const& space, ConstMatrix<T, Space> dpooled, Pool pool, Tensor3<T, Space> dtokens);
};

}  // namespace impl
}  // namespace krate
