// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/subspace_attention.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct MssaSize {
  std::size_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  bool backward = false, causal = false;
};

// Counted for the form of hosts; that of devices does not use the symmetry yet.

/// Half a product and a whole one; of each pair its start, exponential and part of two sums; of each token x, b, v, v
/// w, the quotient, its own part and the shift. Causal: two half products, and of each pair part of one sum.
inline double mssa_flops(double batch, double heads, double n, double p, bool causal = false) {
  double const pairs = n * (n + 1) / 2, tokens = n * (7 * p + 8);
  if (causal) return batch * heads * (pairs * (4 * p + 4) + tokens);
  return batch * heads * (product_flops(n, n, p) + pairs * (2 * p + 6) + tokens);
}

/// Three half products and two whole ones; of each pair two starts, exponential and factor; of each token x, b, v,
/// dO . O, 1 / Z and what it scales, s v w, the sum of both parts and its own one. Causal: three half products and a
/// whole one.
inline double mssa_backward_flops(double batch, double heads, double n, double p, bool causal = false) {
  double const pairs = n * (n + 1) / 2, tokens = n * (16 * p + 10);
  if (causal) return batch * heads * (product_flops(n, n, p) + pairs * (6 * p + 4) + tokens);
  return batch * heads * (2 * product_flops(n, n, p) + pairs * (6 * p + 6) + tokens);
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
      rows_ = SoftmaxRows<Space, T>::cut(work, o.batch, o.heads, o.tokens);
      if (o.backward) {
        dout_ = work.template take<T>(o.batch, o.tokens, inner);
        dw_ = work.template take<T>(o.batch, o.tokens, inner);
      }
      work_ = take_workspace(
          work, o.backward ? subspace_attention_backward_workspace<Space, T>(o.batch, o.tokens, inner, o.heads)
                           : subspace_attention_workspace<Space, T>(o.batch, o.tokens, inner, o.heads));
    });
    fill_normal(space, w_, 1, 0);
    if (o.backward) fill_normal(space, dout_, 1, 1);
  }
  void run(Space const& space) {
    AttentionMask<Space> const mask{options_.causal ? Mask::causal : Mask::none, {}};
    subspace_attention(space, w_, options_.heads, work_, out_, rows_, mask);
    if (options_.backward) subspace_attention_backward(space, w_, options_.heads, out_, rows_, dout_, work_, dw_, mask);
  }
  Cost cost() const {
    auto const b = static_cast<double>(options_.batch), h = static_cast<double>(options_.heads),
               n = static_cast<double>(options_.tokens), p = static_cast<double>(options_.head_dim);
    auto const w = static_cast<double>(w_.size()), sums = static_cast<double>(rows_.sum.size());
    Cost cost{mssa_flops(b, h, n, p, options_.causal), (2 * w + 2 * sums) * sizeof(T)};
    if (options_.backward) {
      cost.flops += mssa_backward_flops(b, h, n, p, options_.causal);
      cost.bytes += (4 * w + sums) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Tensor3<T, Space> output() const { return options_.backward ? dw_ : out_; }
  static double least_memory(Options const& o) {
    double const rows = static_cast<double>(o.batch) * static_cast<double>(o.heads) * static_cast<double>(o.tokens);
    return rows * static_cast<double>(o.head_dim) * (o.backward ? 4 : 2) * sizeof(T);
  }

 private:
  Options options_;
  Tensor3<T, Space> w_, out_, dout_, dw_;
  SoftmaxRows<Space, T> rows_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
