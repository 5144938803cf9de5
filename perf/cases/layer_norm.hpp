// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/layer_norm.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// Mean 1, variance 3, normalisation 4 of each element; 5 of each row.
inline double layer_norm_flops(double rows, double dim) {
  return rows * (8 * dim + 5);
}
/// Parameters 5, two means 7, input gradient 7 of each element, and one where it is added.
inline double layer_norm_backward_flops(double rows, double dim, InputGradient input_gradient) {
  return rows * dim * (input_gradient == InputGradient::add ? 20 : 19);
}

template <class Space, class T>
class LayerNormCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t rows = 0, dim = 0;
    bool backward = false;
  };
  LayerNormCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      for (auto* m : {&x_, &y_, &dy_, &dx_}) *m = work.template take<T>(o.rows, o.dim);
      for (auto* v : {&weight_, &bias_, &dweight_, &dbias_}) *v = work.template take<T>(o.dim);
      for (auto* v : {&mean_, &deviation_}) *v = work.template take<T>(o.rows);
      work_ = take_workspace(work, layer_norm_backward_workspace<T>(o.dim));
    });
    fill_normal(space, x_, 1, 0);
    fill_normal(space, dy_, 1, 1);
    fill(space, weight_, T(1));
    for (auto const* v : {&bias_, &dweight_, &dbias_}) fill(space, *v, T(0));
  }
  void run(Space const& space) {
    layer_norm(space, x_, weight_, bias_, LayerNormOptions{}, y_, mean_, deviation_);
    if (options_.backward)
      layer_norm_backward(space, x_, weight_, mean_, deviation_, dy_, InputGradient::write, work_, dx_, dweight_,
                          dbias_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.rows), d = static_cast<double>(options_.dim);
    Cost cost{layer_norm_flops(n, d), (2 * n * d + 2 * n + 2 * d) * sizeof(T)};
    if (options_.backward) {
      cost.flops += layer_norm_backward_flops(n, d, InputGradient::write);
      cost.bytes += (3 * n * d + 2 * n + 5 * d) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.rows); }
  Matrix<T, Space> output() const { return options_.backward ? dx_ : y_; }

 private:
  Options options_;
  Matrix<T, Space> x_, y_, dy_, dx_;
  Vector<T, Space> weight_, bias_, dweight_, dbias_, mean_, deviation_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
