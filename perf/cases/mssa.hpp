// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/subspace_attention.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct MssaSize {
  std::size_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  bool backward = false;
};

/// Two products, and of each score: largest, difference, exponential, sum, quotient.
inline double mssa_flops(double batch, double heads, double n, double p) {
  return batch * heads * (2 * product_flops(n, n, p) + 5 * n * n + 2 * n);
}

/// Four products; probabilities anew, dO . O of each row, and the merged scores of each pair.
inline double mssa_backward_flops(double batch, double heads, double n, double p) {
  return batch * heads * (4 * product_flops(n, n, p) + 2 * n * n + 2 * n * p + 5 * n * (n + 1) / 2);
}

/// The attention of MSSA, O_k = softmax(W_k W_k^T / sqrt(p)) W_k, of projected tokens W [batch, tokens, heads p]; with
/// `backward` followed by its gradient dW. The projections before and after it are plain products, and not part of it.
template <class Space, class T>
class MssaCase {
 public:
  using Arithmetic = T;
  using Options = MssaSize;
  MssaCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const inner = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      w_ = work.template take<T>(o.batch, o.tokens, inner);
      out_ = work.template take<T>(o.batch, o.tokens, inner);
      log_sum_ = work.template take<T>(o.batch, o.heads, o.tokens);
      if (o.backward) {
        dout_ = work.template take<T>(o.batch, o.tokens, inner);
        dw_ = work.template take<T>(o.batch, o.tokens, inner);
      }
      work_ =
          take_workspace(work, o.backward ? subspace_attention_backward_workspace<Space, T>(o.batch, o.tokens, o.heads)
                                          : subspace_attention_workspace<Space, T>(o.batch, o.tokens, o.heads));
    });
    fill_normal(space, w_, 1, 0);
    if (o.backward) fill_normal(space, dout_, 1, 1);
  }
  void run(Space const& space) {
    subspace_attention(space, w_, options_.heads, work_, out_, log_sum_);
    if (options_.backward) subspace_attention_backward(space, w_, options_.heads, out_, log_sum_, dout_, work_, dw_);
  }
  Cost cost() const {
    auto const b = static_cast<double>(options_.batch), h = static_cast<double>(options_.heads),
               n = static_cast<double>(options_.tokens), p = static_cast<double>(options_.head_dim);
    auto const w = static_cast<double>(w_.size()), sums = static_cast<double>(log_sum_.size());
    Cost cost{mssa_flops(b, h, n, p), (2 * w + sums) * sizeof(T)};
    if (options_.backward) {
      cost.flops += mssa_backward_flops(b, h, n, p);
      cost.bytes += (4 * w + sums) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Tensor3<T, Space> output() const { return options_.backward ? dw_ : out_; }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.tokens), p = static_cast<double>(o.head_dim);
    double const rows = static_cast<double>(o.batch) * static_cast<double>(o.heads) * n;
    return rows * (o.backward ? 4 * p + 2 * n : 2 * p + n) * sizeof(T);
  }

 private:
  Options options_;
  Tensor3<T, Space> w_, out_, log_sum_, dout_, dw_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
