// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/log_det.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"

namespace krate::perf {

/// Log-determinants from factors: only the diagonals are read.
template <class Space, class T>
class LogDetCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t batch = 0, n = 0;
  };
  LogDetCase(Space const& space, Options const& o) {
    arena_ = allocate(space, [&](auto& work) {
      factors_ = work.template take<T>(o.batch, o.n, o.n);
      result_ = work.template take<T>(o.batch);
    });
    fill(space, factors_, T(2));
  }
  void run(Space const& space) { batched_log_det(space, factors_, result_); }
  Cost cost() const {
    auto const batch = static_cast<double>(factors_.extent(0)), n = static_cast<double>(factors_.extent(1));
    return {batch * (2 * n + 1), batch * (n + 1) * sizeof(T)};
  }
  Vector<T, Space> output() const { return result_; }

 private:
  Tensor3<T, Space> factors_;
  Vector<T, Space> result_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
