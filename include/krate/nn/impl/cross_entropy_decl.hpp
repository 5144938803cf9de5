// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"

namespace krate {
struct CrossEntropyOptions;

namespace impl {

/// What each row gives, before the sum over rows.
template <class Space>
struct CrossEntropyScratch {
  Vector<double, Space> loss;
  Vector<std::int64_t, Space> correct;
  CrossEntropyScratch(Workspace<Space>& work, std::size_t rows)
      : loss(work.template take<double>(rows)), correct(work.template take<std::int64_t>(rows)) {}
};

template <class Space, class T>
struct CrossEntropy {
  static void forward(Space const& space, ConstMatrix<T, Space> logits, ConstVector<Label, Space> labels,
                      CrossEntropyOptions const& options, Workspace<Space> work, Value<double, Space> loss,
                      Value<std::int64_t, Space> correct);
  static void backward(Space const& space, ConstMatrix<T, Space> logits, ConstVector<Label, Space> labels,
                       CrossEntropyOptions const& options, Matrix<T, Space> dlogits);
};

}  // namespace impl
}  // namespace krate
