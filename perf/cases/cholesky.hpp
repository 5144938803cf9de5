// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gram.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

inline double cholesky_flops(double n) {
  return n * (n + 1) * (2 * n + 1) / 6;
}

/// Makes a positive definite matrix: the second moments of 2 n normal rows.
template <class Space, class T>
void fill_definite(Space const& space, Matrix<T, Space> const& z, Matrix<T, Space> const& a) {
  fill_normal(space, z, 1, 0);
  gram(space, T(1) / T(z.extent(0)), z, T(0), a);
}

/// A factorization in place; each run restores the matrix first.
template <class Space, class T>
class CholeskyCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t n = 0;
  };
  CholeskyCase(Space const& space, Options const& o) {
    Matrix<T, Space> z;
    arena_ = allocate(space, [&](auto& work) {
      z = work.template take<T>(2 * o.n, o.n);
      a_ = work.template take<T>(o.n, o.n);
      factor_ = work.template take<T>(o.n, o.n);
      status_ = work.template take<NumericalStatus>();
    });
    fill_definite(space, z, a_);
  }
  void run(Space const& space) {
    copy(space, a_, factor_);
    cholesky(space, factor_, status_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(a_.extent(0));
    return {cholesky_flops(n), 2 * n * n * sizeof(T)};
  }
  Matrix<T, Space> output() const { return factor_; }

 private:
  Matrix<T, Space> a_, factor_;
  Value<NumericalStatus, Space> status_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
