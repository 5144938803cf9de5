// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate {

struct PixelLossOptions {
  bool normalise = false;  ///< each patch is to be predicted at mean 0 and variance 1
  double scale = 1;        ///< multiplies the sum over values; 1 / (removed patches of all * values) gives their mean
};

namespace impl {

template <class Space, class T>
struct PixelLoss {
  static void forward(Space const& space, ConstTensor3<T, Space> prediction, ConstMatrix<T, Space> patches,
                      ConstMatrix<bool, Space> removed, PixelLossOptions const& options, Workspace<Space> work,
                      Value<double, Space> loss);
  static void backward(Space const& space, ConstTensor3<T, Space> prediction, ConstMatrix<T, Space> patches,
                       ConstMatrix<bool, Space> removed, PixelLossOptions const& options, Tensor3<T, Space> dprediction,
                       Matrix<T, Space> dpatches);
};

}  // namespace impl
}  // namespace krate
