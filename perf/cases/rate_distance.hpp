// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/rate_distance.hpp"
#include "perf/cases/coding_rate.hpp"

namespace krate::perf {

/// Rate distance of two sets of as many samples, and its gradients.
template <class Space, class T>
class RateDistanceCase {
 public:
  using Arithmetic = double;
  using Options = RateSize;
  RateDistanceCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      for (auto* samples : {&a_, &b_, &da_, &db_}) *samples = work.template take<T>(o.samples, o.dim);
      distance_ = work.template take<double>();
      work_ = take_workspace(work, rate_distance_workspace(o.samples, o.samples, o.dim));
    });
    fill_normal(space, a_, 1 / std::sqrt(static_cast<double>(o.dim)), 0);
    fill_normal(space, b_, 1 / std::sqrt(static_cast<double>(o.dim)), 1);
  }
  void run(Space const& space) {
    rate_distance_gradient(space, a_, b_, {.eps_squared = options_.eps_squared}, work_, distance_, da_, db_);
  }
  /// Two moments, three factors, ten triangular solves of d columns, 4/3 d^3 for the eigenvalues, and two products.
  Cost cost() const {
    auto const n = static_cast<double>(options_.samples), d = static_cast<double>(options_.dim);
    double const factors = 3 * (cholesky_flops(d) + d * (d + 3)) + 10 * triangular_solve_flops(d, d) + 4 * d * d;
    return {2 * gram_flops(n, d) + factors + 4.0 / 3 * d * d * d + 2 * product_flops(n, d, d), 4 * n * d * sizeof(T)};
  }
  Matrix<T, Space> output() const { return da_; }

 private:
  Options options_;
  Matrix<T, Space> a_, b_, da_, db_;
  Value<double, Space> distance_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
