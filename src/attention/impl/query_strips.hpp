// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Multi-head attention of one head of one sample, in strips of queries. In powers of two, l_ij = x_i . k_j with
// x = s log2(e) q:
//
//     out_i = sum_j 2^(l_ij - m_i) v_j / Z_i,   m_i = max_j l_ij,   Z_i = sum_j 2^(l_ij - m_i)
//
// over the keys j that query i sees. Host code only.
#pragma once

#include "attention/impl/row_maximum.hpp"

namespace krate::impl {

/// A head within [tokens, 3 * inner]: its first query; keys and values lie `inner` and twice that further on.
template <class T>
struct QkvHead {
  T* queries;
  std::size_t inner;
  T* keys() const { return queries + inner; }
  T* values() const { return queries + 2 * inner; }
  std::size_t stride() const { return 3 * inner; }
};

/// Whether the squares of packed rows have a sum that leaves room in T, so that no product of two such rows overflows.
template <class T>
bool are_moderate(HeadShape<T> const& shape, T const* rows) {
  auto const size = static_cast<std::ptrdiff_t>(shape.computed_tokens()) * shape.width();
  auto squares = simd::broadcast(T(0));
  for (std::ptrdiff_t at = 0; at < size; at += AttentionTile<T>::lanes)
    squares = simd::fma(simd::load(rows + at), simd::load(rows + at), squares);
  return simd::sum<T>(squares) <= std::numeric_limits<T>::max() / 4;
}

template <class T>
T largest_lane(simd::Vec<T> const& v) {
  T lanes[simd::width<T>];
  simd::store(lanes, v);
  return *std::max_element(lanes, lanes + simd::width<T>);
}

/// Writes seen[j]: 1 for a key that counts, 0 for padding and after the last token. @param keys  null where all count
template <class T>
void mark_seen(HeadShape<T> const& shape, bool const* keys, T* seen) {
  std::fill(seen, seen + shape.computed_tokens(), T(0));
  for (int j = 0; j < shape.tokens; ++j) seen[j] = !keys || keys[j] ? T(1) : T(0);
}

template <class T>
struct QueryStrips {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  HeadShape<T> shape;
  T* rows;              ///< of what is being packed, at last v; [tokens, width]
  T *queries, *keys;    ///< x and k, in panels
  T* seen;              ///< [tokens], of mark_seen()
  T *strip, *smoothed;  ///< [strip_rows, tokens], [strip_rows, width]

  template <class Work>
  static QueryStrips cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    constexpr auto strip = static_cast<std::size_t>(strip_rows<T>);
    QueryStrips s{};
    s.shape = shape;
    s.rows = take(shape.rows_size());
    for (T** panels : {&s.queries, &s.keys}) *panels = take(tokens * static_cast<std::size_t>(shape.features));
    s.seen = take(tokens);
    s.strip = take(strip * tokens);
    s.smoothed = take(strip * static_cast<std::size_t>(shape.width()));
    return s;
  }

  static T to_x(int features) { return PackedHead<T>::scale(features) * PackedHead<T>::log2e; }

  /// @param padding  [tokens], false for a key that no query sees; null for none
  /// @param out      rows `stride` apart
  void run(QkvHead<T const> const& head, bool const* padding, T* out, std::size_t stride, T* shift, T* sum) const {
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    mark_seen(shape, padding, seen);
    if (!pack(head)) return spoil(out, stride, shift, sum);
    int const first_key = static_cast<int>(std::find(seen, seen + n, T(1)) - seen);
    for (int first = 0; first < n; first += strip_rows<T>) {
      int const count = std::min(strip_rows<T>, n - first), depth = shape.causal ? first + count : n,
                end = padded_to(Tile::lanes, depth);
      for_strip(shape, first, end, [&](auto vectors, int i, int j) {
        V acc[Tile::rows][vectors];
        panel_product<vectors, T>(queries, keys, shape.features, i, j, acc);
        KRATE_UNROLL
        for (int r = 0; r < Tile::rows; ++r)
          for (int c = 0; c < vectors; ++c)
            simd::store(strip + static_cast<std::ptrdiff_t>(i - first + r) * leading + j + c * Tile::lanes, acc[r][c]);
      });
      T reciprocal[strip_rows<T>];
      for (int r = 0; r < count; ++r) {
        int const i = first + r, visible = shape.causal ? i + 1 : n;
        T* const row = strip + static_cast<std::ptrdiff_t>(r) * leading;
        if (first_key < visible) {
          sum[i] = exponentiate(row, visible, end, shift[i]);
        } else {
          std::fill(row, row + end, T(0));
          shift[i] = 0;
          sum[i] = std::numeric_limits<T>::infinity();
        }
        reciprocal[r] = 1 / sum[i];
      }
      std::fill_n(smoothed, static_cast<std::ptrdiff_t>(strip_rows<T>) * width, T(0));
      add_smoothed(Scores<T, int>{strip, leading, Reading::rows}, count, depth, rows, width, smoothed);
      for (int r = 0; r < count; ++r)
        for (int k = 0; k < shape.features; ++k)
          out[static_cast<std::size_t>(first + r) * stride + static_cast<std::size_t>(k)] =
              smoothed[r * width + k] * reciprocal[r];
    }
  }

 private:
  /// False where logits or results may overflow.
  bool pack(QkvHead<T const> const& head) const {
    bool moderate = true;
    auto const pack = [&](T const* from, T factor, T* panels) {
      pack_rows(shape, from, head.stride(), rows);
      moderate = moderate && are_moderate(shape, rows);
      if (panels) pack_panels<T>(shape, rows, factor, nullptr, panels);
    };
    pack(head.queries, to_x(shape.features), queries);
    pack(head.keys(), T(1), keys);
    pack(head.values(), T(1), nullptr);
    return moderate;
  }

  /// A row of logits, of which the first `visible` are seen unless they are padding, to its numerators up to `end`;
  /// gives their sum. What is not seen comes to no more than the smallest number, which changes no bit of the sum.
  T exponentiate(T* row, int visible, int end, T& shift) const {
    auto const one = simd::broadcast(T(1)), far = simd::broadcast(std::numeric_limits<T>::max());
    std::fill(row + visible, row + end, std::numeric_limits<T>::lowest());
    V largest = simd::broadcast(std::numeric_limits<T>::lowest());
    for (int j = 0; j < end; j += Tile::lanes) {
      V const l = simd::fma(simd::load(seen + j) - one, far, simd::load(row + j));
      simd::store(row + j, l);
      largest = simd::max(largest, l);
    }
    shift = largest_lane<T>(largest);
    auto const top = simd::broadcast(shift);
    V sums = simd::broadcast(T(0));
    for (int j = 0; j < end; j += Tile::lanes) {
      V const e = simd::exp2<T>(simd::load(row + j) - top) * simd::load(seen + j);
      simd::store(row + j, e);
      sums = sums + e;
    }
    std::fill(row + visible, row + end, T(0));
    return simd::sum<T>(sums);
  }

  void spoil(T* out, std::size_t stride, T* shift, T* sum) const {
    T const nan = std::numeric_limits<T>::quiet_NaN();
    for (int i = 0; i < shape.tokens; ++i, out += stride) std::fill_n(out, shape.features, nan);
    for (T* row : {shift, sum}) std::fill_n(row, shape.tokens, nan);
  }
};

}  // namespace krate::impl
