// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/token_statistics.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct TssaSize {
  std::size_t batch = 0, heads = 0, tokens = 0, head_dim = 0;
  bool backward = false, causal = false;
};

// Operations of hosts an element; less is done once a channel, or once a token and head.
inline constexpr double tssa_flops = 2 + 3 + 3 + 2,  // energy, share, moment, result
    causal_tssa_flops = 4 + 6,                       // share so far; moment so far and result
    tssa_backward_flops = 5 + 3 + 3 + 8,             // products, moments, shares, result
    causal_tssa_backward_flops = 4 + 18 + 30;        // sums before blocks, moments, shares and result

/// The attention of TSSA of projected tokens W [batch, tokens, heads p]; with `backward` followed by the gradients of W
/// and the temperatures. The projections before and after it are plain products, and not part of it.
template <class Space, class T>
class TssaCase {
 public:
  using Arithmetic = T;
  using Options = TssaSize;
  TssaCase(Space const& space, Options const& o) : size_(o), options_{o.heads, o.causal ? Mask::causal : Mask::none} {
    std::size_t const inner = o.heads * o.head_dim;
    arena_ = allocate(space, [&](auto& work) {
      w_ = work.template take<T>(o.batch, o.tokens, inner);
      out_ = work.template take<T>(o.batch, o.tokens, inner);
      temperature_ = work.template take<T>(o.heads);
      saved_ = TokenStatistics<Space, T>::cut(work, o.batch, o.tokens, inner, options_);
      if (o.backward) {
        dout_ = work.template take<T>(o.batch, o.tokens, inner);
        dw_ = work.template take<T>(o.batch, o.tokens, inner);
        dtemperature_ = work.template take<T>(o.heads);
      }
      work_ = take_workspace(
          work, o.backward ? std::max(token_statistics_workspace<Space, T>(o.batch, o.tokens, inner, options_),
                                      token_statistics_backward_workspace<Space, T>(o.batch, o.tokens, inner, options_))
                           : token_statistics_workspace<Space, T>(o.batch, o.tokens, inner, options_));
    });
    fill_normal(space, w_, 1, 0);
    fill_normal(space, temperature_, 1, 1);
    if (o.backward) fill_normal(space, dout_, 1, 2);
  }
  void run(Space const& space) {
    token_statistics(space, w_, temperature_, Matrix<T, Space>(), options_, work_, out_, saved_);
    if (size_.backward)
      token_statistics_backward(space, w_, temperature_, Matrix<T, Space>(), options_, saved_, dout_, work_, dw_,
                                dtemperature_, Matrix<T, Space>());
  }
  Cost cost() const {
    auto const w = static_cast<double>(w_.size()), pi = static_cast<double>(saved_.membership.size()),
               channels = 2 * static_cast<double>(saved_.energy.size());
    Cost cost{(size_.causal ? causal_tssa_flops : tssa_flops) * w, (2 * w + pi + channels) * sizeof(T)};
    if (size_.backward) {
      cost.flops += (size_.causal ? causal_tssa_backward_flops : tssa_backward_flops) * w;
      cost.bytes += (3 * w + pi + channels) * sizeof(T);
    }
    return cost;
  }
  double tokens() const { return static_cast<double>(size_.batch * size_.tokens); }
  Tensor3<T, Space> output() const { return size_.backward ? dw_ : out_; }
  static double least_memory(Options const& o) {
    double const rows = static_cast<double>(o.batch) * static_cast<double>(o.heads) * static_cast<double>(o.tokens);
    return rows * static_cast<double>(o.head_dim) * (o.backward ? 4 : 2) * sizeof(T);
  }

 private:
  Options size_;
  TssaOptions options_;
  Tensor3<T, Space> w_, out_, dout_, dw_;
  Vector<T, Space> temperature_, dtemperature_;
  TokenStatistics<Space, T> saved_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
