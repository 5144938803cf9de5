// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/nn/cross_entropy.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// Of each logit: largest 1, exponentials 3, smoothing 2, rank of the label 1.
inline double cross_entropy_flops(double rows, double classes) {
  return 7 * rows * classes;
}
/// Of each logit: largest 1, exponentials 3, difference to the target 5.
inline double cross_entropy_backward_flops(double rows, double classes) {
  return 9 * rows * classes;
}

/// The loss with label smoothing; with `backward` followed by its gradient.
template <class Space, class T>
class CrossEntropyCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t rows = 0, classes = 0;
    bool backward = false;
  };
  CrossEntropyCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      logits_ = work.template take<T>(o.rows, o.classes);
      dlogits_ = work.template take<T>(o.rows, o.classes);
      labels_ = work.template take<Label>(o.rows);
      loss_ = work.template take<double>();
      correct_ = work.template take<std::int64_t>();
      work_ = take_workspace(work, cross_entropy_workspace(o.rows));
    });
    fill_normal(space, logits_, 1, 0);
    fill_labels(space, labels_, o.classes);
  }
  void run(Space const& space) {
    CrossEntropyOptions const options{.label_smoothing = 0.1, .scale = 1 / static_cast<double>(options_.rows)};
    cross_entropy(space, logits_, labels_, options, work_, loss_, correct_);
    if (options_.backward) cross_entropy_backward(space, logits_, labels_, options, dlogits_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.rows), c = static_cast<double>(options_.classes);
    Cost cost{cross_entropy_flops(n, c), n * c * sizeof(T) + n * sizeof(Label)};
    if (options_.backward) {
      cost.flops += cross_entropy_backward_flops(n, c);
      cost.bytes += 2 * n * c * sizeof(T) + n * sizeof(Label);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.rows); }
  Value<double, Space> output() const { return loss_; }

 private:
  Options options_;
  Matrix<T, Space> logits_, dlogits_;
  Vector<Label, Space> labels_;
  Value<double, Space> loss_;
  Value<std::int64_t, Space> correct_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
