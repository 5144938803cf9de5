// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"

namespace krate {
struct LayerNormOptions;
enum class InputGradient;

namespace impl {

/// Sums over rows are taken in this many stretches at once, and the stretches in order: they do not depend on threads.
inline constexpr std::size_t norm_chunks = 16;

/// What each stretch adds to dweight and dbias, [norm_chunks, 2, dim].
template <class Space, class T>
Tensor3<T, Space> layer_norm_scratch(Workspace<Space>& work, std::size_t dim) {
  return work.template take<T>(norm_chunks, 2, dim);
}

template <class Space, class T>
struct LayerNorm {
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> weight,
                      ConstVector<T, Space> bias, LayerNormOptions const& options, Matrix<T, Space> y,
                      Vector<T, Space> mean, Vector<T, Space> reciprocal_deviation);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> weight,
                       ConstVector<T, Space> mean, ConstVector<T, Space> reciprocal_deviation, ConstMatrix<T, Space> dy,
                       InputGradient input_gradient, Workspace<Space> work, Matrix<T, Space> dx,
                       Vector<T, Space> dweight, Vector<T, Space> dbias);
};

}  // namespace impl
}  // namespace krate
