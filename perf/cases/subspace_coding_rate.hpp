// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/subspace_coding_rate.hpp"
#include "perf/cases/cholesky.hpp"
#include "perf/cases/triangular_solve.hpp"

namespace krate::perf {

/// Coding rate against subspaces, and its gradients.
template <class Space, class T>
class SubspaceCodingRateCase {
 public:
  using Arithmetic = double;
  struct Options {
    std::size_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  };
  SubspaceCodingRateCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const dim = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.batch, o.tokens, dim);
      dz_ = work.template take<T>(o.batch, o.tokens, dim);
      u_ = work.template take<T>(dim, dim);
      du_ = work.template take<T>(dim, dim);
      rates_ = work.template take<double>(o.batch);
      work_ = take_workspace(work, subspace_coding_rate_workspace<T>(o.batch, o.tokens, o.heads, o.head_dim));
    });
    fill_normal(space, z_, 1, 0);
    fill_normal(space, u_, 1 / std::sqrt(static_cast<double>(dim)), 1);
    fill(space, du_, T(0));
  }
  void run(Space const& space) {
    subspace_coding_rate_gradient(space, z_, u_, SubspaceRateOptions{.eps_squared = 0.5, .heads = options_.heads},
                                  work_, rates_, dz_, du_);
  }
  static double flops(Options const& o) {
    auto const n = static_cast<double>(o.tokens), p = static_cast<double>(o.head_dim),
               d = static_cast<double>(o.heads) * p, samples = static_cast<double>(o.batch);
    double const head = product_flops(p, p, n) + cholesky_flops(p) + p * (p + 3) + 2 * triangular_solve_flops(p, n);
    return 3 * product_flops(samples * n, d, d) + samples * static_cast<double>(o.heads) * head;
  }
  Cost cost() const { return {flops(options_), static_cast<double>(2 * z_.size() + 3 * u_.size()) * sizeof(T)}; }
  Tensor3<T, Space> output() const { return dz_; }

 private:
  Options options_;
  Tensor3<T, Space> z_, dz_;
  Matrix<T, Space> u_, du_;
  Vector<double, Space> rates_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
