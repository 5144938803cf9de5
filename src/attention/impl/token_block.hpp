// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics on hosts take tokens in blocks, as many as a vector has lanes: sums over channels become columns of
// a small table, [heads, lanes], in which the softmax over heads is plain arithmetic of vectors. Host code only.
#pragma once

#include "attention/impl/attention_tile.hpp"

namespace krate::impl {

/// Sizes of a sample; heads are padded to vectors.
template <class T>
struct TokenShape {
  static constexpr int lanes = simd::width<T>;
  int tokens, heads, features;
  int inner() const { return heads * features; }
  int width() const { return padded_to(lanes, features); }
  int columns() const { return heads * width(); }
  int blocks() const { return (tokens + lanes - 1) / lanes; }
  int padded_tokens() const { return blocks() * lanes; }
  /// Tokens of the block that starts at `first`.
  int count(int first) const { return std::min(lanes, tokens - first); }
  /// True where a block is read and written where it lies.
  bool in_place(int first) const { return width() == features && count(first) == lanes; }
};

/// Rows of a block: head h begins at h * width.
template <class T>
struct TokenRows {
  T* data;
  std::ptrdiff_t stride;
};

/// The block of tokens `first` ..., in place or packed to `scratch` with zeros after each head and the last token.
template <class T>
TokenRows<T const> read_rows(TokenShape<T> const& s, T const* from, int first, T* scratch) {
  from += static_cast<std::ptrdiff_t>(first) * s.inner();
  if (s.in_place(first)) return {from, s.inner()};
  std::fill_n(scratch, s.lanes * s.columns(), T(0));
  for (int t = 0; t < s.count(first); ++t)
    for (int h = 0; h < s.heads; ++h)
      std::copy_n(from + t * s.inner() + h * s.features, s.features, scratch + t * s.columns() + h * s.width());
  return {scratch, s.columns()};
}
/// Where the results of a block are put; write_rows() then sees that they are where they belong.
template <class T>
TokenRows<T> result_rows(TokenShape<T> const& s, T* to, int first, T* scratch) {
  if (s.in_place(first)) return {to + static_cast<std::ptrdiff_t>(first) * s.inner(), s.inner()};
  return {scratch, s.columns()};
}
template <class T>
void write_rows(TokenShape<T> const& s, T const* scratch, int first, T* to) {
  if (s.in_place(first)) return;
  to += static_cast<std::ptrdiff_t>(first) * s.inner();
  for (int t = 0; t < s.count(first); ++t)
    for (int h = 0; h < s.heads; ++h)
      std::copy_n(scratch + t * s.columns() + h * s.width(), s.features, to + t * s.inner() + h * s.features);
}

/// [heads * features] to [heads * width] and back.
template <class T>
void pad_channels(TokenShape<T> const& s, T const* from, T* to) {
  std::fill_n(to, s.columns(), T(0));
  for (int h = 0; h < s.heads; ++h) std::copy_n(from + h * s.features, s.features, to + h * s.width());
}
template <class T>
void unpad_channels(TokenShape<T> const& s, T const* from, T* to) {
  for (int h = 0; h < s.heads; ++h) std::copy_n(from + h * s.width(), s.features, to + h * s.features);
}

/// A block's part of [heads, tokens] as a table with zeros after the last token, and back.
template <class T>
void read_table(TokenShape<T> const& s, T const* from, std::ptrdiff_t stride, int first, T* table) {
  for (int h = 0; h < s.heads; ++h) {
    std::copy_n(from + h * stride + first, s.count(first), table + h * s.lanes);
    std::fill(table + h * s.lanes + s.count(first), table + (h + 1) * s.lanes, T(0));
  }
}
template <class T>
void write_table(TokenShape<T> const& s, T const* table, int first, T* to) {
  for (int h = 0; h < s.heads; ++h)
    std::copy_n(table + h * s.lanes, s.count(first), to + static_cast<std::ptrdiff_t>(h) * s.tokens + first);
}

/// The sums over the lanes of each vector, as the lanes of one.
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> lane_sums(simd::Vec<T> (&v)[simd::width<T>]) {
  simd::transpose<T>(v);
  for (int half = simd::width<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) v[i] = v[i] + v[i + half];
  return v[0];
}

/// Logits to memberships over heads, in place; 0 from token `count` on.
template <class T>
void softmax_over_heads(int heads, int count, T* table) {
  using V = simd::Vec<T>;
  constexpr int lanes = simd::width<T>;
  auto const log2e = simd::broadcast(static_cast<T>(1.442695040888963407));
  V largest = simd::load(table), sum = simd::broadcast(T(0));
  for (int h = 1; h < heads; ++h) largest = simd::max(largest, simd::load(table + h * lanes));
  for (int h = 0; h < heads; ++h) {
    V const e = simd::exp2<T>((simd::load(table + h * lanes) - largest) * log2e);
    simd::store(table + h * lanes, e);
    sum = sum + e;
  }
  V const kept = simd::broadcast(T(1)) - lanes_from<T>(count);
  for (int h = 0; h < heads; ++h) simd::store(table + h * lanes, simd::load(table + h * lanes) / sum * kept);
}

/// Gradients of memberships to gradients of their logits, in place.
template <class T>
void softmax_over_heads_backward(int heads, T const* membership, T* table) {
  constexpr int lanes = simd::width<T>;
  simd::Vec<T> mean = simd::broadcast(T(0));
  for (int h = 0; h < heads; ++h)
    mean = simd::fma(simd::load(membership + h * lanes), simd::load(table + h * lanes), mean);
  for (int h = 0; h < heads; ++h)
    simd::store(table + h * lanes, simd::load(membership + h * lanes) * (simd::load(table + h * lanes) - mean));
}

}  // namespace krate::impl
