// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/batched_gemm.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// The scores of attention, W_k W_k^T for each head of each sample.
template <class Space, class T>
class BatchedGemmCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  };
  BatchedGemmCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      w_ = work.template take<T>(o.batch, o.tokens, o.heads * o.head_dim);
      scores_ = work.template take<T>(o.batch, o.heads, o.tokens, o.tokens);
    });
    fill_normal(space, w_, 1, 0);
  }
  void run(Space const& space) {
    auto const heads = by_head(w_, options_.heads);
    batched_gemm(space, "N", "T", T(1), heads, heads, T(0), scores_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.tokens), p = static_cast<double>(options_.head_dim);
    return {static_cast<double>(options_.batch * options_.heads) * product_flops(n, n, p),
            static_cast<double>(w_.size() + scores_.size()) * sizeof(T)};
  }
  Tensor4<T, Space> output() const { return scores_; }

 private:
  Options options_;
  Tensor3<T, Space> w_;
  Tensor4<T, Space> scores_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
