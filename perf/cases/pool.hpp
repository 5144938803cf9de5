// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/nn/pool.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// The mean of the tokens of each sample, with `backward` followed by its gradient.
template <class Space, class T>
class PoolCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t batch = 0, tokens = 0, dim = 0;
    bool backward = false;
  };
  PoolCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      tokens_ = work.template take<T>(o.batch, o.tokens, o.dim);
      dtokens_ = work.template take<T>(o.batch, o.tokens, o.dim);
      pooled_ = work.template take<T>(o.batch, o.dim);
    });
    fill_normal(space, tokens_, 1, 0);
  }
  void run(Space const& space) {
    pool_tokens(space, tokens_, Pool::mean, pooled_);
    if (options_.backward) pool_tokens_backward(space, pooled_, Pool::mean, dtokens_);
  }
  Cost cost() const {
    double const ways = options_.backward ? 2 : 1, all = static_cast<double>(tokens_.size()),
                 pooled = static_cast<double>(pooled_.size());
    return {ways * all + pooled, ways * (all + pooled) * sizeof(T)};
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Matrix<T, Space> output() const { return pooled_; }

 private:
  Options options_;
  Tensor3<T, Space> tokens_, dtokens_;
  Matrix<T, Space> pooled_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
