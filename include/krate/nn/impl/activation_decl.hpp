// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate {

/// Functions of an element whose derivative follows from their value.
enum class Activation {
  leaky,    ///< x, or 0.2 x where x is negative
  rectify,  ///< max(0, x)
  tanh
};

namespace impl {

template <class Space, class T>
struct Activate {
  static void forward(Space const& space, Activation kind, ConstVector<T, Space> x, Vector<T, Space> y);
  static void backward(Space const& space, Activation kind, ConstVector<T, Space> y, ConstVector<T, Space> dy,
                       Vector<T, Space> dx);
};

}  // namespace impl
}  // namespace krate
