// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/multi_head_attention.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/mssa.hpp"

namespace krate::perf {

// Counted for the form of hosts.

/// Pairs of a query and a key that it sees.
inline double attended_pairs(double n, bool causal) {
  return causal ? n * (n + 1) / 2 : n * n;
}

/// Two products; of each pair what hides keys, maximum, difference, exponential, its factor and sum; of each token
/// three sums of squares, x, the quotient and 1 / Z.
inline double multi_head_flops(double batch, double heads, double n, double p, bool causal = false) {
  return batch * heads * (attended_pairs(n, causal) * (4 * p + 8) + n * (8 * p + 1));
}

/// Five products; of each pair the power, its bound, exponential and factors, and its slope; of each token x, dO . O,
/// 1 / Z and two signs.
inline double multi_head_backward_flops(double batch, double heads, double n, double p, bool causal = false) {
  return batch * heads * (attended_pairs(n, causal) * (10 * p + 8) + n * (3 * p + 3));
}

/// Multi-head attention of queries, keys and values [batch, tokens, 3 heads p]; with `backward` followed by their
/// gradient. The maps before and after it are plain products, and not part of it.
template <class Space, class T>
class MultiHeadCase {
 public:
  using Arithmetic = T;
  using Options = MssaSize;
  MultiHeadCase(Space const& space, Options const& o) : options_(o) {
    std::size_t const inner = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      qkv_ = work.template take<T>(o.batch, o.tokens, 3 * inner);
      out_ = work.template take<T>(o.batch, o.tokens, inner);
      rows_ = SoftmaxRows<Space, T>::cut(work, o.batch, o.heads, o.tokens);
      if (o.backward) {
        dout_ = work.template take<T>(o.batch, o.tokens, inner);
        dqkv_ = work.template take<T>(o.batch, o.tokens, 3 * inner);
      }
      work_ = take_workspace(
          work, o.backward ? multi_head_attention_backward_workspace<Space, T>(o.batch, o.tokens, inner, o.heads)
                           : multi_head_attention_workspace<Space, T>(o.batch, o.tokens, inner, o.heads));
    });
    fill_normal(space, qkv_, 1, 0);
    if (o.backward) fill_normal(space, dout_, 1, 1);
  }
  void run(Space const& space) {
    AttentionMask<Space> const mask{options_.causal ? Mask::causal : Mask::none, {}};
    multi_head_attention(space, qkv_, options_.heads, work_, out_, rows_, mask);
    if (options_.backward)
      multi_head_attention_backward(space, qkv_, options_.heads, out_, rows_, dout_, work_, dqkv_, mask);
  }
  Cost cost() const {
    auto const b = static_cast<double>(options_.batch), h = static_cast<double>(options_.heads),
               n = static_cast<double>(options_.tokens), p = static_cast<double>(options_.head_dim);
    auto const out = static_cast<double>(out_.size()), sums = static_cast<double>(rows_.sum.size());
    Cost cost{multi_head_flops(b, h, n, p, options_.causal), (4 * out + 2 * sums) * sizeof(T)};
    if (options_.backward) {
      cost.flops += multi_head_backward_flops(b, h, n, p, options_.causal);
      cost.bytes += (8 * out + 2 * sums) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(options_.batch * options_.tokens); }
  Tensor3<T, Space> output() const { return options_.backward ? dqkv_ : out_; }
  static double least_memory(Options const& o) {
    double const rows = static_cast<double>(o.batch) * static_cast<double>(o.heads) * static_cast<double>(o.tokens);
    return rows * static_cast<double>(o.head_dim) * (o.backward ? 8 : 4) * sizeof(T);
  }

 private:
  Options options_;
  Tensor3<T, Space> qkv_, out_, dout_, dqkv_;
  SoftmaxRows<Space, T> rows_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
