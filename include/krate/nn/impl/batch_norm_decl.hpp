// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate::impl {

/// Rows are summed in so many parts, whatever the number of threads.
inline constexpr std::size_t batch_chunks = 64;

template <class Space, class T>
struct BatchNorm {
  static void moments(Space const& space, ConstMatrix<T, Space> x, Workspace<Space> work, Vector<double, Space> sums);
  static void statistics(Space const& space, ConstVector<double, Space> sums, double eps, Vector<T, Space> mean,
                         Vector<T, Space> deviation);
  static void running(Space const& space, ConstVector<T, Space> running_mean, ConstVector<T, Space> running_variance,
                      double eps, Vector<T, Space> mean, Vector<T, Space> deviation);
  static void update(Space const& space, ConstVector<double, Space> sums, double momentum,
                     Vector<T, Space> running_mean, Vector<T, Space> running_variance);
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                      ConstVector<T, Space> deviation, ConstVector<T, Space> weight, ConstVector<T, Space> bias,
                      Matrix<T, Space> y);
  static void gradient_sums(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                            ConstVector<T, Space> deviation, ConstMatrix<T, Space> dy, Workspace<Space> work,
                            Vector<double, Space> sums, Vector<T, Space> dweight, Vector<T, Space> dbias);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                       ConstVector<T, Space> deviation, ConstVector<T, Space> weight, ConstMatrix<T, Space> dy,
                       ConstVector<double, Space> sums, Matrix<T, Space> dx);
};

}  // namespace krate::impl
