// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/gemm.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct GemmSize {
  std::size_t m = 0, n = 0, k = 0;
};

/// The operands of a product C = A B, and what it costs: for ours and for the vendor's.
template <class Space, class T>
struct GemmOperands {
  Matrix<T, Space> a, b, c;
  Arena<Space> arena;

  GemmOperands(Space const& space, GemmSize const& s) {
    arena = allocate(space, [&](auto& work) {
      a = work.template take<T>(s.m, s.k);
      b = work.template take<T>(s.k, s.n);
      c = work.template take<T>(s.m, s.n);
    });
    fill_normal(space, a, 1, 0);
    fill_normal(space, b, 1, 1);
    fill_normal(space, c, 1, 2);
  }
  Cost cost() const {
    auto const m = static_cast<double>(c.extent(0)), n = static_cast<double>(c.extent(1)),
               k = static_cast<double>(a.extent(1));
    return {product_flops(m, n, k), (m * k + k * n + m * n) * sizeof(T)};
  }
  static double least_memory(GemmSize const& s) {
    auto const m = static_cast<double>(s.m), n = static_cast<double>(s.n), k = static_cast<double>(s.k);
    return (m * k + k * n + m * n) * sizeof(T);
  }
};

/// C = op(A) B; with a transposed A, m and k must be equal.
template <class Space, class T>
class GemmCase {
 public:
  using Arithmetic = T;
  struct Options : GemmSize {
    char const* trans_a = "N";
  };
  GemmCase(Space const& space, Options const& options) : options_(options), operands_(space, options) {}

  void run(Space const& space) {
    gemm(space, options_.trans_a, "N", T(1), operands_.a, operands_.b, T(0), operands_.c);
  }
  Cost cost() const { return operands_.cost(); }
  Matrix<T, Space> output() const { return operands_.c; }

 private:
  Options options_;
  GemmOperands<Space, T> operands_;
};

}  // namespace krate::perf
