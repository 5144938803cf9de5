// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/mssa.hpp"
#include "krate/linalg/elementwise.hpp"
#include "perf/cases/mssa.hpp"

namespace krate::perf {

inline double mssa_layer_flops(double batch, double heads, double n, double p, double dim) {
  return 2 * product_flops(batch * n, dim, heads * p) + batch * n * dim + mssa_flops(batch, heads, n, p);
}
inline double mssa_layer_backward_flops(double batch, double heads, double n, double p, double dim) {
  return 4 * product_flops(batch * n, dim, heads * p) + batch * n * dim + mssa_backward_flops(batch, heads, n, p);
}

/// The whole MSSA layer, projections and output map included, dim = heads * head_dim.
template <class Space, class T>
class MssaLayerCase {
 public:
  using Arithmetic = T;
  using Options = MssaSize;
  MssaLayerCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const dim = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      for (auto* v : {&x_, &y_, &dx_}) *v = work.template take<T>(o.batch, o.tokens, dim);
      for (auto* m : {&u_, &b_, &du_, &db_}) *m = work.template take<T>(dim, dim);
      for (auto* v : {&bias_, &dbias_}) *v = work.template take<T>(dim);
      saved_ = MssaSaved<Space, T>::cut(work, o.batch, o.tokens, o.heads, dim);
      work_ =
          take_workspace(work, o.backward ? mssa_backward_workspace<Space, T>(o.batch, o.tokens, dim, dim, {o.heads})
                                          : mssa_workspace<Space, T>(o.batch, o.tokens, dim, dim, {o.heads}));
    });
    fill_normal(space, x_, 1, 0);
    fill_normal(space, u_, 1 / std::sqrt(static_cast<double>(dim)), 1);
    fill_normal(space, b_, 1 / std::sqrt(static_cast<double>(dim)), 2);
    for (auto const* m : {&du_, &db_}) fill(space, *m, T(0));
    for (auto const* v : {&bias_, &dbias_}) fill(space, *v, T(0));
  }
  void run(Space const& space) {
    MssaOptions const options{options_.heads};
    mssa(space, x_, u_, b_, bias_, options, work_, saved_, y_);
    if (options_.backward) mssa_backward(space, x_, u_, b_, options, saved_, y_, work_, dx_, du_, db_, dbias_);
  }
  Cost cost() const {
    auto const b = static_cast<double>(options_.batch), h = static_cast<double>(options_.heads),
               n = static_cast<double>(options_.tokens), p = static_cast<double>(options_.head_dim), d = h * p;
    double const tokens = b * n * d, saved = 2 * tokens + b * h * n;
    Cost cost{mssa_layer_flops(b, h, n, p, d), (2 * tokens + saved + 2 * d * d + d) * sizeof(T)};
    if (options_.backward) {
      cost.flops += mssa_layer_backward_flops(b, h, n, p, d);
      cost.bytes += (3 * tokens + saved + 6 * d * d + 2 * d) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Tensor3<T, Space> output() const { return options_.backward ? dx_ : y_; }

 private:
  Options options_;
  Tensor3<T, Space> x_, y_, dx_;
  Matrix<T, Space> u_, b_, du_, db_;
  Vector<T, Space> bias_, dbias_;
  MssaSaved<Space, T> saved_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
