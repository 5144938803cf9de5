// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The gradient of query_strips.hpp, in the same strips: with P_ij = 2^(l_ij - m_i) / Z_i, made anew,
//
//     D_ij = s P_ij (dO_i . v_j - delta_i),   dq_i = sum_j D_ij k_j,   dk_j = sum_i D_ij q_i,   dv_j = sum_i P_ij dO_i
//
// delta_i = dO_i . O_i is summed in the order of dO_i . v_j, so that nothing is left of the difference where the
// softmax chose one key. Host code only.
#pragma once

#include "attention/impl/query_strips.hpp"

namespace krate::impl {

template <class T>
struct QueryStripsBackward {
  using Tile = AttentionTile<T>;
  using V = simd::Vec<T>;
  HeadShape<T> shape;
  T *query_rows, *key_rows, *upstream_rows;          ///< q, k, dO; [tokens, width]
  T *queries, *keys, *values, *upstream, *attended;  ///< x, k, v, dO, O, in panels
  T *seen, *minus_shift, *reciprocal, *minus_delta;  ///< [tokens]: of mark_seen(), -m, 1 / Z, -delta
  T *probabilities, *slopes;                         ///< P and D, [strip_rows, tokens]
  T *dquery, *dkeys, *dvalues;                       ///< [strip_rows, width], [tokens, width]

  template <class Work>
  static QueryStripsBackward cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    constexpr auto strip = static_cast<std::size_t>(strip_rows<T>);
    QueryStripsBackward s{};
    s.shape = shape;
    for (T** rows : {&s.query_rows, &s.key_rows, &s.upstream_rows, &s.dkeys, &s.dvalues})
      *rows = take(shape.rows_size());
    for (T** panels : {&s.queries, &s.keys, &s.values, &s.upstream, &s.attended})
      *panels = take(tokens * static_cast<std::size_t>(shape.features));
    for (T** vector : {&s.seen, &s.minus_shift, &s.reciprocal, &s.minus_delta}) *vector = take(tokens);
    for (T** scores : {&s.probabilities, &s.slopes}) *scores = take(strip * tokens);
    s.dquery = take(strip * static_cast<std::size_t>(shape.width()));
    return s;
  }

  /// @param padding       as QueryStrips::run() takes it
  /// @param out,dout      rows `stride` apart
  void run(QkvHead<T const> const& head, bool const* padding, T const* out, T const* shift, T const* sum, T const* dout,
           std::size_t stride, QkvHead<T> const& gradient) const {
    if (std::isnan(sum[0])) return spoil(gradient);
    int const n = shape.tokens, leading = shape.token_capacity(), width = shape.width();
    mark_seen(shape, padding, seen);
    prepare(head, out, shift, sum, dout, stride);
    for (T* rows : {dkeys, dvalues}) std::fill_n(rows, shape.rows_size(), T(0));
    for (int first = 0; first < n; first += strip_rows<T>) {
      int const count = std::min(strip_rows<T>, n - first), depth = shape.causal ? first + count : n,
                end = padded_to(Tile::lanes, depth);
      for_strip(shape, first, end, [&](auto vectors, int i, int j) {
        fill_tile<vectors>(i, j, static_cast<std::ptrdiff_t>(i - first) * leading + j);
      });
      for (T* scores : {probabilities, slopes})  // columns of the last tile of a result
        for (int r = 0; r < count; ++r)
          std::fill(scores + static_cast<std::ptrdiff_t>(r) * leading + end,
                    scores + static_cast<std::ptrdiff_t>(r) * leading + padded_to(Tile::result_granule, end), T(0));
      auto const at = static_cast<std::ptrdiff_t>(first) * width;
      std::fill_n(dquery, static_cast<std::ptrdiff_t>(strip_rows<T>) * width, T(0));
      add_smoothed(Scores<T, int>{slopes, leading, Reading::rows}, count, depth, key_rows, width, dquery);
      add_smoothed(Scores<T, int>{slopes, leading, Reading::columns}, depth, count, query_rows + at, width, dkeys);
      add_smoothed(Scores<T, int>{probabilities, leading, Reading::columns}, depth, count, upstream_rows + at, width,
                   dvalues);
      unpack(dquery, count, gradient.queries + static_cast<std::size_t>(first) * gradient.stride(), gradient.stride());
    }
    unpack(dkeys, n, gradient.keys(), gradient.stride());
    unpack(dvalues, n, gradient.values(), gradient.stride());
  }

 private:
  void prepare(QkvHead<T const> const& head, T const* out, T const* shift, T const* sum, T const* dout,
               std::size_t stride) const {
    auto const pack = [&](T const* from, std::size_t apart, T* rows, T factor, T* panels) {
      pack_rows(shape, from, apart, rows);
      pack_panels<T>(shape, rows, factor, nullptr, panels);
    };
    pack(head.values(), head.stride(), key_rows, T(1), values);
    pack(out, stride, key_rows, T(1), attended);
    pack(head.keys(), head.stride(), key_rows, T(1), keys);
    pack(head.queries, head.stride(), query_rows, QueryStrips<T>::to_x(shape.features), queries);
    pack(dout, stride, upstream_rows, T(1), upstream);
    int const n = shape.tokens, padded = shape.computed_tokens();
    for (T* vector : {minus_shift, reciprocal}) std::fill(vector + n, vector + padded, T(0));
    for (int i = 0; i < n; ++i) {
      minus_shift[i] = -shift[i];
      reciprocal[i] = 1 / sum[i];
    }
    for (int i = 0; i < padded; i += Tile::lanes) {
      V delta = simd::broadcast(T(0));
      T const *d = panel_at(upstream, shape.features, i), *o = panel_at(attended, shape.features, i);
      for (int k = 0; k < shape.features; ++k, d += Tile::panel, o += Tile::panel)
        delta = simd::fma(simd::load(d), simd::load(o), delta);
      simd::store(minus_delta + i, simd::broadcast(T(0)) - delta);
    }
  }

  template <int Columns>
  void fill_tile(int i, int j, std::ptrdiff_t at) const {
    int const features = shape.features, leading = shape.token_capacity();
    V const scale = simd::broadcast(PackedHead<T>::scale(features)), one = simd::broadcast(T(1));
    auto const store = [&](T* to, V const(&tile)[Tile::rows][Columns]) {
      KRATE_UNROLL
      for (int r = 0; r < Tile::rows; ++r)
        for (int c = 0; c < Columns; ++c)
          simd::store(to + static_cast<std::ptrdiff_t>(r) * leading + c * Tile::lanes, tile[r][c]);
    };
    V acc[Tile::rows][Columns];
    panel_product<Columns, T>(queries, keys, features, i, j, acc);
    store(probabilities + at, acc);
    panel_product<Columns, T>(upstream, values, features, i, j, acc);
    store(slopes + at, acc);
    bool const cuts = shape.causal && j + Columns * Tile::lanes > i;
    for (int r = 0; r < Tile::rows; ++r)
      for (int c = 0; c < Columns; ++c) {
        int const column = j + c * Tile::lanes;
        std::ptrdiff_t const to = at + static_cast<std::ptrdiff_t>(r) * leading + c * Tile::lanes;
        V const l = simd::load(probabilities + to) + simd::broadcast(minus_shift[i + r]);
        V p = simd::exp2<T>(at_most_zero<T>(l)) * simd::broadcast(reciprocal[i + r]) * simd::load(seen + column);
        if (cuts) p = p * (one - lanes_from<T>(i + r + 1 - column));
        simd::store(probabilities + to, p);
        simd::store(slopes + to, scale * p * (simd::load(slopes + to) + simd::broadcast(minus_delta[i + r])));
      }
  }

  void unpack(T const* rows, int count, T* to, std::size_t stride) const {
    for (int i = 0; i < count; ++i, rows += shape.width(), to += stride) std::copy_n(rows, shape.features, to);
  }

  void spoil(QkvHead<T> const& gradient) const {
    T* const parts[] = {gradient.queries, gradient.keys(), gradient.values()};
    for (T* to : parts)
      for (int i = 0; i < shape.tokens; ++i, to += gradient.stride())
        std::fill_n(to, shape.features, std::numeric_limits<T>::quiet_NaN());
  }
};

}  // namespace krate::impl
