// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/optim/gradient_clip.hpp"
#include "perf/cases/optimizer.hpp"

namespace krate::perf {

inline double gradient_norm_flops(double parameters) {
  return 2 * parameters;
}

/// The norm of all gradients, and the factor that clips them.
template <class Space, class T>
class GradientClipCase {
 public:
  using Arithmetic = double;
  using Options = OptimizerSize;
  GradientClipCase(Space const& space, Options const& o) : list_(one_parameter<Space, T>(space, o.parameters)) {
    arena_ = allocate(space, [&](auto& work) {
      norm_ = work.template take<double>();
      scale_ = work.template take<T>();
      work_ = take_workspace(work, optim::gradient_norm_workspace());
    });
  }
  void run(Space const& space) {
    optim::gradient_norm(space, list_, work_, norm_);
    optim::clip_scale(space, norm_, 1, scale_);
  }
  Cost cost() const {
    auto const count = static_cast<double>(list_.count());
    return {gradient_norm_flops(count), count * sizeof(T)};
  }
  Value<double, Space> output() const { return norm_; }

 private:
  ParameterList<Space, T> list_;
  Value<double, Space> norm_;
  Value<T, Space> scale_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
