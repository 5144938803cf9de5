// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace attention by products and row softmax, scores in memory: the form that devices take so far.
#pragma once

#include "krate/attention/attention_mask.hpp"
#include "krate/attention/softmax_rows.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/batched_gemm.hpp"

namespace krate::impl {

/// Whether query i of sample b sees key j.
template <class Space>
struct SeenKeys {
  ConstMatrix<bool, Space> keys;
  bool causal;
  explicit SeenKeys(AttentionMask<Space> const& mask) : keys(mask.keys), causal(mask.mask == Mask::causal) {}
  KOKKOS_FUNCTION bool operator()(std::int64_t b, std::int64_t i, int j) const {
    return (!causal || j <= i) && (keys.size() == 0 || keys(b, j));
  }
};

/// Logits (as powers of two) to probabilities in place, one team a row of a head.
template <class Space, class T>
struct RowSoftmax {
  Tensor4<T, Space> p;
  SoftmaxRows<Space, T> rows;
  SeenKeys<Space> seen;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const n = static_cast<int>(p.extent(2)), heads = static_cast<int>(p.extent(1));
    auto const row = team.league_rank();
    auto const i = row % n, k = row / n % heads, b = row / n / heads;
    T* const logits = &p(b, k, i, 0);
    T largest = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n), [&](int j, T& m) { m = seen(b, i, j) && logits[j] > m ? logits[j] : m; },
        Kokkos::Max<T>(largest));
    T const shift = largest > Kokkos::reduction_identity<T>::max() ? largest : T(0);
    T sum = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n),
        [&](int j, T& s) {
          T const e = seen(b, i, j) ? Kokkos::exp2(logits[j] - shift) : T(0);
          logits[j] = e;
          s += e;
        },
        sum);
    if (sum == 0) sum = Kokkos::Experimental::infinity_v<T>;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int j) { logits[j] /= sum; });
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      rows.shift(b, k, i) = shift;
      rows.sum(b, k, i) = sum;
    });
  }
};

/// Logits to probabilities in place by what is stored of the rows, and delta_i = dO_i . O_i; one team a row of a head.
template <class Space, class T>
struct RowProbabilities {
  SoftmaxRows<Space, T> rows;
  SeenKeys<Space> seen;
  ConstTensor3<T, Space> out, dout;
  Tensor4<T, Space> p;
  Tensor3<T, Space> delta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const n = static_cast<int>(p.extent(2)), heads = static_cast<int>(p.extent(1));
    int const width = static_cast<int>(out.extent(2)) / heads;
    auto const row = team.league_rank();
    auto const i = row % n, k = row / n % heads, b = row / n / heads;
    T const shift = rows.shift(b, k, i), z = rows.sum(b, k, i);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int j) {
      p(b, k, i, j) = seen(b, i, j) ? Kokkos::exp2(p(b, k, i, j) - shift) / z : T(0);
    });
    T sum = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, width),
        [&](int c, T& s) { s += dout(b, i, k * width + c) * out(b, i, k * width + c); }, sum);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { delta(b, k, i) = sum; });
  }
};

/// dP to T = P (dP - delta) + transpose, in place; the team of row i writes the pairs (i, j), (j, i) with j <= i.
template <class Space, class T>
struct MergedScores {
  Tensor4<T, Space> p, dp;
  Tensor3<T, Space> delta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const n = static_cast<int>(p.extent(2)), heads = static_cast<int>(p.extent(1));
    auto const row = team.league_rank();
    auto const i = row % n, k = row / n % heads, b = row / n / heads;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1), [&](int j) {
      T const t = p(b, k, i, j) * (dp(b, k, i, j) - delta(b, k, i)) + p(b, k, j, i) * (dp(b, k, j, i) - delta(b, k, j));
      dp(b, k, i, j) = t;
      dp(b, k, j, i) = t;
    });
  }
};

template <class T>
T attention_scale(std::size_t columns, std::size_t heads) {
  return T(1) / Kokkos::sqrt(static_cast<T>(columns / heads));
}
template <class T>
inline constexpr T powers_of_two = static_cast<T>(1.442695040888963407);  ///< log2(e)

template <class Space, class T>
struct PlainAttention {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t heads) {
    return measure<Space>([&](auto& work) { work.template take<T>(batch, heads, tokens, tokens); });
  }
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t heads) {
    return measure<Space>([&](auto& work) {
      work.template take<T>(batch, heads, tokens, tokens);
      work.template take<T>(batch, heads, tokens, tokens);
      work.template take<T>(batch, heads, tokens);
    });
  }
  static void forward(Space const& space, ConstTensor3<T, Space> w, std::size_t heads, Workspace<Space> work,
                      Tensor3<T, Space> out, SoftmaxRows<Space, T> const& softmax, AttentionMask<Space> const& mask) {
    std::size_t const batch = w.extent(0), n = w.extent(1);
    auto const p = work.template take<T>(batch, heads, n, n);
    auto const wk = by_head(w, heads);
    batched_gemm(space, "N", "T", attention_scale<T>(w.extent(2), heads) * powers_of_two<T>, wk, wk, T(0), p);
    Kokkos::parallel_for(KRATE_LABEL("krate::subspace_attention::softmax"), rows(space, batch * heads * n),
                         RowSoftmax<Space, T>{p, softmax, SeenKeys<Space>(mask)});
    batched_gemm(space, "N", "N", T(1), p, wk, T(0), by_head(out, heads));
  }

  static void backward(Space const& space, ConstTensor3<T, Space> w, std::size_t heads, ConstTensor3<T, Space> out,
                       SoftmaxRows<Space, T> const& softmax, ConstTensor3<T, Space> dout, Workspace<Space> work,
                       Tensor3<T, Space> dw, AttentionMask<Space> const& mask) {
    std::size_t const batch = w.extent(0), n = w.extent(1);
    T const scale = attention_scale<T>(w.extent(2), heads);
    auto const p = work.template take<T>(batch, heads, n, n), dp = work.template take<T>(batch, heads, n, n);
    auto const delta = work.template take<T>(batch, heads, n);
    auto const wk = by_head(w, heads), dok = by_head(dout, heads);
    auto const dwk = by_head(dw, heads);
    batched_gemm(space, "N", "T", scale * powers_of_two<T>, wk, wk, T(0), p);
    Kokkos::parallel_for(KRATE_LABEL("krate::subspace_attention_backward::probabilities"),
                         rows(space, batch * heads * n),
                         RowProbabilities<Space, T>{softmax, SeenKeys<Space>(mask), out, dout, p, delta});
    batched_gemm(space, "N", "T", T(1), dok, wk, T(0), dp);
    batched_gemm(space, "T", "N", T(1), p, dok, T(0), dwk);
    Kokkos::parallel_for(KRATE_LABEL("krate::subspace_attention_backward::merge"), rows(space, batch * heads * n),
                         MergedScores<Space, T>{p, dp, delta});
    batched_gemm(space, "N", "N", scale, dp, wk, T(1), dwk);
  }
};

}  // namespace krate::impl
