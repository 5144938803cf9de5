// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Multi-head attention by products and row softmax, the scores of a few samples at a time in memory: the form of
// devices.
#pragma once

#include <algorithm>

#include "attention/impl/plain_attention.hpp"

namespace krate::impl {

/// dP to D = P (dP - delta) in place, one team a row of a head.
template <class Space, class T>
struct ScoreSlopes {
  Tensor4<T, Space> p, dp;
  Tensor3<T, Space> delta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const n = static_cast<int>(p.extent(2)), heads = static_cast<int>(p.extent(1));
    auto const row = team.league_rank();
    auto const i = row % n, k = row / n % heads, b = row / n / heads;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n),
                         [&](int j) { dp(b, k, i, j) = p(b, k, i, j) * (dp(b, k, i, j) - delta(b, k, i)); });
  }
};

template <class Space, class T>
struct PlainMultiHead {
  /// Samples at a time: scores of 64 million numbers, or of one sample.
  static std::size_t at_once(std::size_t batch, std::size_t tokens, std::size_t heads) {
    std::size_t const scores = std::max<std::size_t>(1, heads * tokens * tokens);
    return std::clamp<std::size_t>((std::size_t(1) << 26) / scores, 1, std::max<std::size_t>(1, batch));
  }
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t heads) {
    return PlainAttention<Space, T>::forward_bytes(at_once(batch, tokens, heads), tokens, heads);
  }
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t heads) {
    return PlainAttention<Space, T>::backward_bytes(at_once(batch, tokens, heads), tokens, heads);
  }

  /// Samples first ... of what a pass reads and writes.
  struct Group {
    std::size_t first, count;
    template <class V>
    V of(V const& v) const {
      return V(v.data() + first * v.extent(1) * v.extent(2), count, v.extent(1), v.extent(2));
    }
    SoftmaxRows<Space, T> of(SoftmaxRows<Space, T> const& rows) const { return {of(rows.shift), of(rows.sum)}; }
    AttentionMask<Space> of(AttentionMask<Space> const& mask) const {
      if (mask.keys.size() == 0) return mask;
      return {mask.mask,
              Kokkos::subview(mask.keys, Kokkos::pair<std::size_t, std::size_t>(first, first + count), Kokkos::ALL)};
    }
  };
  template <class Each>
  static void for_groups(std::size_t batch, std::size_t tokens, std::size_t heads, Each const& each) {
    std::size_t const size = at_once(batch, tokens, heads);
    for (std::size_t first = 0; first < batch; first += size) each(Group{first, std::min(size, batch - first)});
  }

  /// Part 0, 1 or 2 of [batch, tokens, 3 * inner], by head: queries, keys, values.
  template <class V>
  static auto part(V const& qkv, std::size_t heads, std::size_t which) {
    using Range = Kokkos::pair<std::size_t, std::size_t>;
    return Kokkos::subview(by_head(qkv, 3 * heads), Kokkos::ALL, Range(which * heads, (which + 1) * heads), Kokkos::ALL,
                           Kokkos::ALL);
  }

  static void forward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads, Workspace<Space> work,
                      Tensor3<T, Space> out, SoftmaxRows<Space, T> const& softmax, AttentionMask<Space> const& mask) {
    std::size_t const n = qkv.extent(1), inner = out.extent(2);
    for_groups(qkv.extent(0), n, heads, [&](Group const& group) {
      auto mine = work;
      auto const p = mine.template take<T>(group.count, heads, n, n);
      auto const x = group.of(qkv);
      batched_gemm(space, "N", "T", attention_scale<T>(inner, heads) * powers_of_two<T>, part(x, heads, 0),
                   part(x, heads, 1), T(0), p);
      Kokkos::parallel_for(KRATE_LABEL("krate::multi_head_attention::softmax"), rows(space, group.count * heads * n),
                           RowSoftmax<Space, T>{p, group.of(softmax), SeenKeys<Space>(group.of(mask))});
      batched_gemm(space, "N", "N", T(1), p, part(x, heads, 2), T(0), by_head(group.of(out), heads));
    });
  }

  static void backward(Space const& space, ConstTensor3<T, Space> qkv, std::size_t heads, ConstTensor3<T, Space> out,
                       SoftmaxRows<Space, T> const& softmax, ConstTensor3<T, Space> dout, Workspace<Space> work,
                       Tensor3<T, Space> dqkv, AttentionMask<Space> const& mask) {
    std::size_t const n = qkv.extent(1);
    T const scale = attention_scale<T>(out.extent(2), heads);
    for_groups(qkv.extent(0), n, heads, [&](Group const& group) {
      auto mine = work;
      auto const p = mine.template take<T>(group.count, heads, n, n),
                 dp = mine.template take<T>(group.count, heads, n, n);
      auto const delta = mine.template take<T>(group.count, heads, n);
      auto const x = group.of(qkv);
      auto const dx = group.of(dqkv);
      auto const dok = by_head(group.of(dout), heads);
      batched_gemm(space, "N", "T", scale * powers_of_two<T>, part(x, heads, 0), part(x, heads, 1), T(0), p);
      Kokkos::parallel_for(KRATE_LABEL("krate::multi_head_attention_backward::probabilities"),
                           rows(space, group.count * heads * n),
                           RowProbabilities<Space, T>{group.of(softmax), SeenKeys<Space>(group.of(mask)), group.of(out),
                                                      group.of(dout), p, delta});
      batched_gemm(space, "N", "T", T(1), dok, part(x, heads, 2), T(0), dp);
      batched_gemm(space, "T", "N", T(1), p, dok, T(0), part(dx, heads, 2));
      Kokkos::parallel_for(KRATE_LABEL("krate::multi_head_attention_backward::slopes"),
                           rows(space, group.count * heads * n), ScoreSlopes<Space, T>{p, dp, delta});
      batched_gemm(space, "N", "N", scale, dp, part(x, heads, 1), T(0), part(dx, heads, 0));
      batched_gemm(space, "T", "N", scale, dp, part(x, heads, 0), T(0), part(dx, heads, 1));
    });
  }
};

}  // namespace krate::impl
