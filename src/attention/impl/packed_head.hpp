// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One head of one sample as the tiles want it. Host code only.
#pragma once

#include <cmath>
#include <limits>

#include "attention/impl/attention_tile.hpp"

namespace krate::impl {

/// Sizes of a head, and what they become when padded to tiles.
template <class T>
struct HeadShape {
  using Tile = AttentionTile<T>;
  int tokens, features;
  bool causal;
  int token_capacity() const { return padded_to(Tile::panel, padded_to(Tile::result_granule, tokens)); }
  int computed_tokens() const { return padded_to(Tile::granule, tokens); }
  int width() const { return padded_to(Tile::lanes, features); }
  std::size_t rows_size() const {
    return static_cast<std::size_t>(token_capacity()) * static_cast<std::size_t>(width());
  }
  std::size_t block_size() const {
    return static_cast<std::size_t>(std::min(token_capacity(), Tile::side)) * static_cast<std::size_t>(Tile::leading);
  }
};

/// Copies rows `stride` apart to rows `width` long, with zeros after each and after the last.
template <class T>
void pack_rows(HeadShape<T> const& shape, T const* from, std::size_t stride, T* to) {
  constexpr int lanes = AttentionTile<T>::lanes;
  int const width = shape.width(), whole = shape.features / lanes * lanes;
  for (int i = 0; i < shape.tokens; ++i, from += stride, to += width) {
    for (int k = 0; k < whole; k += lanes) simd::store(to + k, simd::load(from + k));
    if (whole == width) continue;
    std::copy(from + whole, from + shape.features, to + whole);
    std::fill(to + shape.features, to + width, T(0));
  }
  std::fill_n(to, static_cast<std::ptrdiff_t>(shape.computed_tokens() - shape.tokens) * width, T(0));
}

/// The panels of packed rows, row j times scale[j] (or times `factor` where scale is null).
template <class T>
void pack_panels(HeadShape<T> const& shape, T const* rows, T factor, T const* scale, T* panels) {
  using Tile = AttentionTile<T>;
  constexpr int w = Tile::lanes;
  int const width = shape.width();
  for (int j = 0; j < shape.computed_tokens(); j += w) {
    T* const to =
        panels + static_cast<std::ptrdiff_t>(j / Tile::panel) * Tile::panel * shape.features + j % Tile::panel;
    auto const times = scale ? simd::load(scale + j) : simd::broadcast(factor);
    for (int k = 0; k < width; k += w) {
      simd::Vec<T> v[w];
      for (int l = 0; l < w; ++l) v[l] = simd::load(rows + static_cast<std::ptrdiff_t>(j + l) * width + k);
      simd::transpose<T>(v);
      int const count = std::min(w, shape.features - k);
      for (int l = 0; l < count; ++l) simd::store(to + static_cast<std::ptrdiff_t>(k + l) * Tile::panel, v[l] * times);
    }
  }
}

/// Where token j begins in panels: features lie `panel` apart.
template <class T>
KRATE_TILE_FUNCTION T const* panel_at(T const* panels, int features, int j) {
  constexpr int panel = AttentionTile<T>::panel;
  return panels + static_cast<std::ptrdiff_t>(j / panel) * panel * features + j % panel;
}

/// A head's tokens w and x = sqrt(s log2 e) w, so that x_i . x_j is a logit as a power of two.
template <class T>
struct PackedHead {
  using Tile = AttentionTile<T>;
  HeadShape<T> shape;
  T* rows;     ///< w, [tokens, width]
  T* panels;   ///< x
  T* minus_b;  ///< -|x_j|^2 / 2
  T* value;    ///< v_j = 2^(b_j - reference), 0 where `seen` is
  T* seen;     ///< 1 for a key that counts, 0 for padding and after the last token

  template <class Work>
  static PackedHead cut(Work& work, HeadShape<T> const& shape) {
    auto const take = [&](std::size_t count) { return work.template take<T>(count).data(); };
    auto const tokens = static_cast<std::size_t>(shape.token_capacity());
    auto* const rows = take(shape.rows_size());
    auto* const panels = take(tokens * static_cast<std::size_t>(shape.features));
    auto* const minus_b = take(tokens);
    auto* const value = take(tokens);
    return {shape, rows, panels, minus_b, value, take(tokens)};
  }

  static T scale(int features) { return T(1) / std::sqrt(static_cast<T>(features)); }
  T to_x() const { return std::sqrt(scale(shape.features) * log2e); }
  static constexpr T log2e = static_cast<T>(1.442695040888963407), ln2 = static_cast<T>(0.6931471805599453094);

  /// @param keys  [tokens], or null where all count
  void fill(T const* w, std::size_t stride, bool const* keys) const {
    std::fill(seen, seen + shape.computed_tokens(), T(0));
    for (int j = 0; j < shape.tokens; ++j) seen[j] = !keys || keys[j] ? T(1) : T(0);
    pack_rows(shape, w, stride, rows);
    pack_panels<T>(shape, rows, to_x(), nullptr, panels);
    for (int j = 0; j < shape.computed_tokens(); j += Tile::lanes) {
      auto squares = simd::broadcast(T(0));
      T const* x = panel_at(panels, shape.features, j);
      for (int k = 0; k < shape.features; ++k, x += Tile::panel)
        squares = simd::fma(simd::load(x), simd::load(x), squares);
      simd::store(minus_b + j, squares * simd::broadcast(T(-0.5)));
    }
  }

  /// What the symmetric form may do with b.
  struct Range {
    T reference;  ///< the largest b of a key; causal: b_0, the one that every query sees
    bool finite;
    bool narrow;  ///< 2^(b_j - reference) and what is made of it stays well inside the range of T
  };
  Range range() const {
    constexpr T limit = sizeof(T) == 4 ? 60 : 600;
    T lo = std::numeric_limits<T>::max(), hi = 0, key = 0;
    bool finite = true, padding = false;
    for (int j = 0; j < shape.tokens; ++j) {
      T const b = -minus_b[j];
      finite = finite && b <= std::numeric_limits<T>::max();
      lo = std::min(lo, b);
      hi = std::max(hi, b);
      if (seen[j] == 0)
        padding = true;
      else
        key = std::max(key, b);
    }
    T const reference = shape.causal ? -minus_b[0] : key;
    bool narrow = finite;
    if (shape.causal) narrow = narrow && std::max(hi - reference, reference - lo) * ln2 <= limit / 2;
    if (!shape.causal) narrow = narrow && (hi - lo) * ln2 <= limit;
    // A query that is not among the keys may be far from all of them: s w_i . w_j >= -2 max b.
    if (padding) narrow = narrow && 5 * hi * ln2 <= limit;
    return {reference, finite, narrow};
  }

  void fill_values(T reference) const {
    auto const top = simd::broadcast(-reference);
    for (int j = 0; j < shape.computed_tokens(); j += Tile::lanes)
      simd::store(value + j, simd::exp2<T>(top - simd::load(minus_b + j)) * simd::load(seen + j));
  }
};

/// Row j times scale[j].
template <class T>
void scale_rows(HeadShape<T> const& shape, T const* scale, T const* from, T* to) {
  int const width = shape.width();
  for (int j = 0; j < shape.tokens; ++j) {
    auto const factor = simd::broadcast(scale[j]);
    for (int k = 0; k < width; k += AttentionTile<T>::lanes)
      simd::store(to + static_cast<std::ptrdiff_t>(j) * width + k,
                  simd::load(from + static_cast<std::ptrdiff_t>(j) * width + k) * factor);
  }
}

}  // namespace krate::impl
