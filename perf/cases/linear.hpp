// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/linear.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

inline double linear_flops(double rows, double in, double out) {
  return product_flops(rows, out, in) + rows * out;
}
inline double linear_backward_flops(double rows, double in, double out) {
  return 2 * product_flops(rows, out, in) + rows * out;
}

template <class Space, class T>
class LinearCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t rows = 0, in = 0, out = 0;
    bool backward = false;
  };
  LinearCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      for (auto* m : {&x_, &dx_}) *m = work.template take<T>(o.rows, o.in);
      for (auto* m : {&y_, &dy_}) *m = work.template take<T>(o.rows, o.out);
      for (auto* m : {&weight_, &dweight_}) *m = work.template take<T>(o.out, o.in);
      for (auto* v : {&bias_, &dbias_}) *v = work.template take<T>(o.out);
      work_ = take_workspace(work, linear_backward_workspace<T>(o.out));
    });
    fill_normal(space, x_, 1, 0);
    fill_normal(space, dy_, 1, 1);
    fill_normal(space, weight_, 1 / std::sqrt(static_cast<double>(o.in)), 2);
    fill(space, dweight_, T(0));
    for (auto const* v : {&bias_, &dbias_}) fill(space, *v, T(0));
  }
  void run(Space const& space) {
    linear(space, x_, weight_, bias_, y_);
    if (options_.backward) linear_backward(space, x_, weight_, dy_, work_, dx_, dweight_, dbias_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.rows), in = static_cast<double>(options_.in),
               out = static_cast<double>(options_.out);
    Cost cost{linear_flops(n, in, out), (n * (in + out) + in * out + out) * sizeof(T)};
    if (options_.backward) {
      cost.flops += linear_backward_flops(n, in, out);
      cost.bytes += (n * (2 * in + out) + 3 * in * out + 2 * out) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.rows); }
  Matrix<T, Space> output() const { return options_.backward ? dx_ : y_; }

 private:
  Options options_;
  Matrix<T, Space> x_, dx_, y_, dy_, weight_, dweight_;
  Vector<T, Space> bias_, dbias_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
