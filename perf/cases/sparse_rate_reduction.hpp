// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/sparse_rate_reduction.hpp"
#include "perf/cases/subspace_coding_rate.hpp"

namespace krate::perf {

/// Sparse rate reduction of each sample's tokens, and its gradients; one complete set of subspaces.
template <class Space, class T>
class SparseRateReductionCase {
 public:
  using Arithmetic = double;
  using Options = typename SubspaceCodingRateCase<Space, T>::Options;
  SparseRateReductionCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const dim = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.batch, o.tokens, dim);
      dz_ = work.template take<T>(o.batch, o.tokens, dim);
      u_ = work.template take<T>(dim, dim);
      du_ = work.template take<T>(dim, dim);
      for (auto* part : {&parts_.rate, &parts_.subspace_rate, &parts_.nonzeros, &parts_.absolute, &parts_.value})
        *part = work.template take<double>(o.batch);
      work_ = take_workspace(work, sparse_rate_reduction_workspace<T>(o.batch, o.tokens, dim, o.heads, o.head_dim));
    });
    fill_normal(space, z_, 1, 0);
    fill_normal(space, u_, 1 / std::sqrt(static_cast<double>(dim)), 1);
    fill(space, du_, T(0));
  }
  void run(Space const& space) {
    sparse_rate_reduction_gradient(space, z_, u_,
                                   SparseRateOptions{.eps_squared = 0.5, .heads = options_.heads, .lambda = 0.1}, work_,
                                   parts_, dz_, du_);
  }
  /// That of the subspaces, and of each sample the smaller side's Gram matrix, factor and solves; norms and sums.
  Cost cost() const {
    auto const n = static_cast<double>(options_.tokens), d = static_cast<double>(u_.extent(0));
    double const side = std::min(n, d), length = std::max(n, d);
    double const whole = product_flops(side, side, length) + cholesky_flops(side) + side * (side + 3) +
                         2 * triangular_solve_flops(side, length) + 6 * n * d;
    return {SubspaceCodingRateCase<Space, T>::flops(options_) + static_cast<double>(options_.batch) * whole,
            static_cast<double>(2 * z_.size() + 3 * u_.size()) * sizeof(T)};
  }
  Tensor3<T, Space> output() const { return dz_; }

 private:
  Options options_;
  Tensor3<T, Space> z_, dz_;
  Matrix<T, Space> u_, du_;
  SparseRateParts<Vector<double, Space>> parts_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
