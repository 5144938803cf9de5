// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/token_embedding.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// Class token and positions, with `backward` followed by their gradients; `tokens` includes the class token.
template <class Space, class T>
class TokenEmbeddingCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t batch = 0, tokens = 0, dim = 0;
    bool backward = false;
  };
  TokenEmbeddingCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      patches_ = work.template take<T>(o.batch * (o.tokens - 1), o.dim);
      for (auto* v : {&class_token_, &dclass_token_}) *v = work.template take<T>(o.dim);
      for (auto* m : {&positions_, &dpositions_}) *m = work.template take<T>(o.tokens, o.dim);
      tokens_ = work.template take<T>(o.batch, o.tokens, o.dim);
    });
    fill_normal(space, patches_, 1, 0);
    fill_normal(space, class_token_, 1, 1);
    fill_normal(space, positions_, 1, 2);
    fill(space, dclass_token_, T(0));
    fill(space, dpositions_, T(0));
  }
  void run(Space const& space) {
    embed_tokens(space, patches_, class_token_, positions_, tokens_);
    if (options_.backward) embed_tokens_backward(space, tokens_, patches_, dclass_token_, dpositions_);
  }
  Cost cost() const {
    auto const all = static_cast<double>(tokens_.size()), patches = static_cast<double>(patches_.size());
    auto const table = static_cast<double>(positions_.size() + class_token_.size());
    double const way = all + patches + table;
    return options_.backward ? Cost{2 * all, (2 * way + table) * sizeof(T)} : Cost{all, way * sizeof(T)};
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Tensor3<T, Space> output() const { return tokens_; }

 private:
  Options options_;
  Matrix<T, Space> patches_, positions_, dpositions_;
  Vector<T, Space> class_token_, dclass_token_;
  Tensor3<T, Space> tokens_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
