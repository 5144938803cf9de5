// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/bfloat16_gemm.hpp"
#include "perf/cases/gemm.hpp"
#include "perf/cases/roof.hpp"

namespace krate::perf {

/// Operations a second of large products of operands that are rounded to bfloat16.
template <class Space>
double bfloat16_peak(Space const& space) {
  struct Product {
    GemmOperands<Space, float> operands;
    Arena<Space> arena;
    Workspace<Space> work;
    Product(Space const& s, std::size_t n)
        : operands(s, GemmSize{n, n, n}), arena(s, bfloat16_gemm_workspace<float>(n, n, n)), work(arena.workspace()) {}
    void run(Space const& s) {
      auto const& [a, b, c, memory] = operands;
      bfloat16_gemm(s, "N", "N", a, b, {}, c, work);
    }
  } product(space, 2048);
  return product.operands.cost().flops / fastest(space, product);
}

/// A case whose products round their operands to bfloat16, beside the machine's peak for these.
template <class Case>
struct InBfloat16 : Case {
  using Case::Case;
  template <class Space>
  static Roof roof(Space const& space) {
    return {std::max(bfloat16_peak(space), product_peak<float>(space)), triad_peak(space)};
  }
};

}  // namespace krate::perf
