// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/sparse/ista.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/gram.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// The dictionary folded into one matrix, once with at least as many tokens as features.
inline bool ista_is_folded(double tokens, double dim) {
  return tokens >= dim;
}
inline double ista_fold_flops(double dim) {
  return gram_flops(dim, dim) + 3 * dim * dim;
}
/// With the fold at hand: one product, threshold.
inline double folded_ista_flops(double tokens, double dim) {
  return product_flops(tokens, dim, dim) + 2 * tokens * dim;
}
/// Else the fold comes first; or two products, step and threshold.
inline double ista_flops(double tokens, double dim) {
  double const product = product_flops(tokens, dim, dim), elements = tokens * dim;
  return ista_is_folded(tokens, dim) ? ista_fold_flops(dim) + folded_ista_flops(tokens, dim)
                                     : 2 * product + 4 * elements;
}
/// Folded: two products, mask, and the fold's own gradient; else five products; mask and combination.
inline double ista_backward_flops(double tokens, double dim) {
  double const product = product_flops(tokens, dim, dim), elements = tokens * dim;
  return ista_is_folded(tokens, dim)
             ? ista_fold_flops(dim) + 2 * product + elements + product_flops(dim, dim, dim) + 3 * dim * dim
             : 5 * product + 4 * elements;
}

/// One ISTA step; with `backward` followed by its gradients.
template <class Space, class T>
class IstaCase {
 public:
  using Arithmetic = T;
  struct Options {
    std::size_t tokens = 0, dim = 0;
    bool backward = false;
  };
  IstaCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      x_ = work.template take<T>(o.tokens, o.dim);
      dict_ = work.template take<T>(o.dim, o.dim);
      code_ = work.template take<T>(o.tokens, o.dim);
      if (o.backward) {
        dcode_ = work.template take<T>(o.tokens, o.dim);
        dx_ = work.template take<T>(o.tokens, o.dim);
        ddict_ = work.template take<T>(o.dim, o.dim);
      }
      work_ = take_workspace(work, o.backward ? ista_backward_workspace<Space, T>(o.tokens, o.dim)
                                              : ista_workspace<Space, T>(o.tokens, o.dim));
    });
    fill_normal(space, x_, 1, 0);
    fill_normal(space, dict_, 1 / std::sqrt(static_cast<double>(o.dim)), 1);
    if (o.backward) {
      fill_normal(space, dcode_, 1, 2);
      fill(space, ddict_, T(0));
    }
  }
  void run(Space const& space) {
    ista(space, x_, dict_, IstaOptions{}, work_, code_);
    if (options_.backward) ista_backward(space, x_, dict_, code_, dcode_, IstaOptions{}, work_, dx_, ddict_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.tokens), d = static_cast<double>(options_.dim);
    Cost cost{ista_flops(n, d), (2 * n * d + d * d) * sizeof(T)};
    if (options_.backward) {
      cost.flops += ista_backward_flops(n, d);
      cost.bytes += (4 * n * d + 3 * d * d) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.tokens); }
  Matrix<T, Space> output() const { return options_.backward ? dx_ : code_; }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.tokens), d = static_cast<double>(o.dim);
    return (o.backward ? 5 * n * d + 2 * d * d : 2 * n * d + d * d) * sizeof(T);
  }

 private:
  Options options_;
  Matrix<T, Space> x_, dict_, code_, dcode_, dx_, ddict_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
