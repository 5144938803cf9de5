// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/triangular_solve.hpp"
#include "perf/cases/cholesky.hpp"

namespace krate::perf {

inline double triangular_solve_flops(double n, double columns) {
  return n * n * columns;
}

/// A solution in place; each run restores the right-hand sides first.
template <class Space, class T>
class TriangularSolveCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t n = 0, columns = 0;
  };
  TriangularSolveCase(Space const& space, Options const& o) {
    Matrix<T, Space> z;
    Value<NumericalStatus, Space> status;
    arena_ = allocate(space, [&](auto& work) {
      z = work.template take<T>(2 * o.n, o.n);
      factor_ = work.template take<T>(o.n, o.n);
      b_ = work.template take<T>(o.n, o.columns);
      x_ = work.template take<T>(o.n, o.columns);
      status = work.template take<NumericalStatus>();
    });
    fill_definite(space, z, factor_);
    cholesky(space, factor_, status);
    fill_normal(space, b_, 1, 1);
  }
  void run(Space const& space) {
    copy(space, b_, x_);
    triangular_solve(space, "N", factor_, x_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(x_.extent(0)), columns = static_cast<double>(x_.extent(1));
    return {triangular_solve_flops(n, columns), (n * n + 2 * n * columns) * sizeof(T)};
  }
  Matrix<T, Space> output() const { return x_; }

 private:
  Matrix<T, Space> factor_, b_, x_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
