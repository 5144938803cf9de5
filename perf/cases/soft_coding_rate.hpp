// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/soft_coding_rate.hpp"
#include "perf/cases/coding_rate.hpp"

namespace krate::perf {

/// Coding rate with soft memberships and both its gradients.
template <class Space, class T>
class SoftCodingRateCase {
 public:
  using Arithmetic = double;
  using Options = RateSize;
  SoftCodingRateCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.samples, o.dim);
      gradient_ = work.template take<T>(o.samples, o.dim);
      memberships_ = work.template take<T>(o.samples, o.classes);
      dmemberships_ = work.template take<T>(o.samples, o.classes);
      per_class_ = work.template take<double>(o.classes);
      rate_ = work.template take<double>();
      work_ = take_workspace(work, soft_class_coding_rate_gradient_workspace(o.samples, o.dim, o.classes));
    });
    fill_normal(space, z_, 1 / std::sqrt(static_cast<double>(o.dim)), 0);
    fill(space, memberships_, T(1) / static_cast<T>(o.classes));
  }
  void run(Space const& space) {
    soft_class_coding_rate_gradient(space, z_, memberships_, {.eps_squared = options_.eps_squared}, work_, rate_,
                                    per_class_, gradient_, dmemberships_);
  }
  /// Of a class: roots and scaled rows, the Gram matrix in full, its factor, the solves for the inverse and for the
  /// rows, and the two gradients.
  Cost cost() const {
    auto const n = static_cast<double>(options_.samples), d = static_cast<double>(options_.dim);
    auto const classes = static_cast<double>(options_.classes);
    double const one = n * (d + 2) + product_flops(d, d, n) + d * (d + 1) + cholesky_flops(d) + d * (d + 3) +
                       2 * triangular_solve_flops(d, d + n) + 4 * n * d;
    return {classes * one + n * d, sizeof(T) * 2 * n * (d + classes)};
  }
  Matrix<T, Space> output() const { return gradient_; }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.samples), d = static_cast<double>(o.dim), k = static_cast<double>(o.classes);
    return 2 * n * (d + k) * sizeof(T) + 2 * k * d * d * sizeof(double);
  }

 private:
  Options options_;
  Matrix<T, Space> z_, gradient_, memberships_, dmemberships_;
  Vector<double, Space> per_class_;
  Value<double, Space> rate_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
