// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/gram.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// Z^T Z, one triangle of it by products, the other by copying.
inline double gram_flops(double samples, double dim) {
  return samples * dim * (dim + 1);
}

template <class Space, class T>
class GramCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t samples = 0, dim = 0;
  };
  GramCase(Space const& space, Options const& o) {
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.samples, o.dim);
      g_ = work.template take<T>(o.dim, o.dim);
    });
    fill_normal(space, z_, 1, 0);
  }
  void run(Space const& space) { gram(space, T(1), z_, T(0), g_); }
  Cost cost() const {
    return {gram_flops(static_cast<double>(z_.extent(0)), static_cast<double>(z_.extent(1))),
            static_cast<double>(z_.size() + g_.size()) * sizeof(T)};
  }
  Matrix<T, Space> output() const { return g_; }

 private:
  Matrix<T, Space> z_, g_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
