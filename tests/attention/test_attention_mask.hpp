// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal attention and padding, in both forms.
#pragma once

#include "attention/attend.hpp"
#include "krate/attention/mssa.hpp"

namespace krate::testing {
namespace {

/// Padding here and there; sample 1 (where there is one) has nothing else.
inline Array some_keys(std::size_t batch, std::size_t n) {
  Array keys({batch, n});
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t j = 0; j < n; ++j) keys(b, j) = b == 1 ? 0 : (3 * j + b) % 7 != 0;
  return keys;
}

inline std::vector<OracleMask> masks(std::size_t batch, std::size_t n) {
  return {{true, Array({0, 0})}, {false, some_keys(batch, n)}, {true, some_keys(batch, n)}};
}

template <class Scalar>
struct AttentionMaskTest : ::testing::Test {
  static constexpr double limit = sizeof(Scalar) == 4 ? 60 : 600;

  void expect_oracle(Array const& unrounded, std::size_t heads, OracleMask const& mask, double c = 16) {
    Array const w = rounded_to<Scalar>(unrounded), dout = rounded_to<Scalar>(filled(2, w.shape));
    auto const r = attend<Scalar>(w, dout, heads, mask);
    double const allowed = tolerance<Scalar>(w.extent(1) + w.extent(2) / heads, c);
    EXPECT_LE(worst_error(r.out, oracle_subspace_attention(w, heads, mask)), allowed) << w.extent(1) << " tokens";
    EXPECT_LE(worst_error(r.dw, oracle_subspace_attention_gradient(w, heads, dout, mask)), allowed)
        << w.extent(1) << " tokens of width " << w.extent(2) / heads;
  }
};
SCALAR_TESTS(AttentionMaskTest, Scalars);

SCALAR_TEST(AttentionMaskTest, MatchesPlainLoopsAtManySizes) {
  for (std::size_t const n : {1u, 2u, 5u, 8u, 13u, 16u, 17u, 23u, 49u, 65u, 145u, 197u, 289u})
    for (auto const& mask : masks(1, n)) this->expect_oracle(filled(1, {1, n, 24}), 1, mask);
  for (std::size_t const p : {1u, 3u, 17u, 32u, 48u, 64u, 80u, 200u})
    for (auto const& mask : masks(3, 37)) this->expect_oracle(filled(1, {3, 37, 2 * p}), 2, mask);
}

SCALAR_TEST(AttentionMaskTest, RangesOnBothSidesOfTheSwitch) {
  double const limit = this->limit;
  for (double const spread : {0.1 * limit, 0.49 * limit, 0.51 * limit, 0.99 * limit, 1.01 * limit, 40 * limit}) {
    Array const w = ranging(61, 24, 0.01, spread);
    for (auto const& mask : masks(1, 61)) {
      Recording const recording;
      this->expect_oracle(w, 1, mask, 16 * (1 + spread));
      if constexpr (!krate::impl::is_device<TestSpace>) {
        bool const padded = mask.keys.size() > 0, wide = spread > (padded ? limit / 5 : limit / 2);
        EXPECT_EQ(recording.saw("krate::mssa::row_maximum"), wide) << spread << (padded ? ", padding" : "");
        EXPECT_EQ(recording.saw("krate::mssa::row_maximum_backward"), wide) << spread;
      }
    }
  }
}

SCALAR_TEST(AttentionMaskTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (double const spread : {1.0, 700.0})
      for (auto const& mask : masks(1, 17)) {
        Array const w = ranging(17, 3, spread == 1 ? 0.1 : 1e-3, spread), dout = filled(2, w.shape);
        auto const loss = [&](Array const& at) { return dot(attend<double>(at, dout, 1, mask).out, dout); };
        EXPECT_LE(gradient_error(loss, w, attend<double>(w, dout, 1, mask).dw), 1e-7) << spread;
      }
  }
}

SCALAR_TEST(AttentionMaskTest, LaterTokensChangeNoBitOfEarlierOnes) {
  using T = TypeParam;
  std::size_t const n = 83;
  OracleMask const causal{true, Array({0, 0})};
  for (double const factor : {1.0, 60.0}) {  // both forms
    Array w = filled(1, {1, n, 20}, factor), dout = filled(2, w.shape);
    auto const before = attend<T>(w, dout, 1, causal);
    for (std::size_t const first : {1u, 15u, 16u, 40u, 48u, 82u}) {
      Array other = w;
      for (std::size_t i = first; i < n; ++i)
        for (std::size_t c = 0; c < 20; ++c) other(0, i, c) *= i % 2 == 0 ? 1.1 : -0.9;
      auto const after = attend<T>(other, dout, 1, causal);
      for (std::size_t i = 0; i < first; ++i)
        for (std::size_t c = 0; c < 20; ++c) EXPECT_EQ(before.out(0, i, c), after.out(0, i, c)) << i << " of " << first;
      // And the gradient of an earlier output does not reach them.
      Array early = dout;
      std::fill(early.data.begin() + static_cast<std::ptrdiff_t>(first * 20), early.data.end(), 0);
      auto const none = attend<T>(w, early, 1, causal);
      for (std::size_t i = first; i < n; ++i)
        for (std::size_t c = 0; c < 20; ++c) EXPECT_EQ(none.dw(0, i, c), 0) << i << " of " << first;
    }
  }
}

SCALAR_TEST(AttentionMaskTest, PaddingDoesNotMatterToOthersAndGetsNoGradientFromThem) {
  using T = TypeParam;
  std::size_t const n = 45;
  for (bool const causal : {false, true})
    for (double const factor : {1.0, 60.0}) {
      OracleMask const mask{causal, some_keys(1, n)};
      Array w = filled(1, {1, n, 20}, factor), dout = filled(2, w.shape), other = w;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 20; ++c)
          if (mask.keys(0, i) == 0) {
            if (i > 0) other(0, i, c) *= -0.7;  // causal attention refers to the first token's length
            dout(0, i, c) = 0;                  // what a padded query makes is not used
          }
      auto const before = attend<T>(w, dout, 1, mask), after = attend<T>(other, dout, 1, mask);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 20; ++c) {
          if (mask.keys(0, i) == 0) {
            EXPECT_EQ(before.dw(0, i, c), 0);
          } else {
            EXPECT_EQ(before.out(0, i, c), after.out(0, i, c)) << i;
            EXPECT_EQ(before.dw(0, i, c), after.dw(0, i, c)) << i;
          }
        }
    }
}

SCALAR_TEST(AttentionMaskTest, AQueryThatSeesNoKeyGetsZeros) {
  using T = TypeParam;
  for (double const factor : {1.0, 60.0}) {
    Array const w = filled(1, {1, 19, 8}, factor), dout = filled(2, w.shape);
    Array keys({1, 19});
    auto const none = attend<T>(w, dout, 2, {false, keys});
    for (double const x : none.out.data) EXPECT_EQ(x, 0);
    for (double const x : none.dw.data) EXPECT_EQ(x, 0);
    for (std::size_t j = 10; j < 19; ++j) keys(0, j) = 1;
    auto const late = attend<T>(w, dout, 2, {true, keys});
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t c = 0; c < 8; ++c) EXPECT_EQ(late.out(0, i, c), 0);
    for (double const x : late.dw.data) EXPECT_TRUE(std::isfinite(x));
  }
}

SCALAR_TEST(AttentionMaskTest, PaddingAtTheEndIsAShorterSample) {
  using T = TypeParam;
  Array const w = filled(1, {1, 21, 12});
  Array shorter({1, 14, 12}), keys({1, 21});
  std::copy_n(w.data.begin(), shorter.size(), shorter.data.begin());
  std::fill_n(keys.data.begin(), 14, 1);
  auto const padded = attend<T>(w, filled(2, w.shape), 3, {false, keys}),
             own = attend<T>(shorter, filled(2, shorter.shape), 3);
  for (std::size_t i = 0; i < 14; ++i)
    for (std::size_t c = 0; c < 12; ++c) EXPECT_NEAR(padded.out(0, i, c), own.out(0, i, c), tolerance<T>(30));
}

SCALAR_TEST(AttentionMaskTest, AnyNumberOfThreadsAndARepeatGiveTheSameBits) {
  using T = TypeParam;
  Array w = filled(1, {3, 67, 3 * 20}), dout = filled(2, w.shape);
  for (std::size_t i = 0; i < 67; i += 5)
    for (std::size_t c = 20; c < 40; ++c) w(2, i, c) *= 50;  // a head for the row maximum
  for (auto const& mask : masks(3, 67)) {
    auto const many = attend<T>(w, dout, 3, mask), again = attend<T>(w, dout, 3, mask),
               one = attend<T>(w, dout, 3, mask, one_thread());
    for (auto const* other : {&again, &one})
      EXPECT_TRUE(same_bits(many.out, other->out) && same_bits(many.shift, other->shift) &&
                  same_bits(many.sum, other->sum) && same_bits(many.dw, other->dw));
  }
}

SCALAR_TEST(AttentionMaskTest, LayersTakeMasks) {
  using T = TypeParam;
  TestSpace space;
  std::size_t const batch = 2, n = 7, dim = 6, heads = 2;
  OracleMask const mask{true, Array({batch, n}, {1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1})};
  KeptMask const kept(mask);
  Array const x = rounded_to<T>(filled(1, {batch, n, dim})), u = rounded_to<T>(filled(5, {dim, dim}));
  Array const o = rounded_to<T>(filled(6, {dim, dim})), b = rounded_to<T>(filled(7, {dim}));
  Mssa<TestSpace, T> layer(space, {.dim = dim, .heads = heads, .max_batch = batch, .max_tokens = n});
  auto const vx = to_view<TestSpace, T, 3>(x), dy = to_view<TestSpace, T, 3>(filled(2, x.shape));
  auto const vu = to_view<TestSpace, T, 2>(u), vo = to_view<TestSpace, T, 2>(o);
  auto const vb = to_view<TestSpace, T, 1>(b);
  auto const loss = [&](Array const& at) {
    return dot(oracle_mssa(at, u, o, b, heads, mask), rounded_to<T>(filled(2, x.shape)));
  };
  Guarded<TestSpace, T, 3> y(batch, n, dim), dx(batch, n, dim);
  auto const du = to_view<TestSpace, T, 2>(Array({dim, dim})), dout = to_view<TestSpace, T, 2>(Array({dim, dim}));
  auto const db = to_view<TestSpace, T, 1>(Array({dim}));
  layer.forward(space, vx, vu, vo, vb, y.view(), kept.mask);
  layer.backward(space, vx, vu, vo, dy, dx.view(), du, dout, db, kept.mask);
  EXPECT_LE(worst_error(y.array(), oracle_mssa(x, u, o, b, heads, mask)), tolerance<T>(dim * dim));
  EXPECT_LE(gradient_error(loss, x, dx.array()), sizeof(T) == 8 ? 1e-7 : 1e-4);
}

SCALAR_TEST(AttentionMaskTest, WrongShapesAreExplained) {
  using T = TypeParam;
  Array const w = filled(1, {2, 3, 4});
  EXPECT_ERROR(ShapeError, "krate::subspace_attention: mask.keys has shape [3, 2], expected [2, 3]",
               attend<T>(w, w, 2, {false, Array({3, 2})}));
}

}  // namespace
}  // namespace krate::testing
