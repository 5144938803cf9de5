// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Both forms of subspace attention, the symmetric one and that of the row maximum, and which of them ran.
#pragma once

#include "attention/attend.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct SubspaceAttentionTest : ::testing::Test {
  /// Largest range of b that the symmetric form takes.
  static constexpr double limit = sizeof(Scalar) == 4 ? 60 : 600;

  void expect_oracle(Array const& w, std::size_t heads, double c = 16) {
    Array const dout = filled(2, w.shape);
    auto const r = attend<Scalar>(w, dout, heads);
    double const allowed = tolerance<Scalar>(w.extent(1) + w.extent(2) / heads, c);
    Array const rounded = rounded_to<Scalar>(w);
    EXPECT_LE(worst_error(r.out, oracle_subspace_attention(rounded, heads)), allowed) << w.extent(1) << " tokens";
    EXPECT_LE(worst_error(r.dw, oracle_subspace_attention_gradient(rounded, heads, dout)), allowed)
        << w.extent(1) << " tokens of width " << w.extent(2) / heads;
  }
};
SCALAR_TESTS(SubspaceAttentionTest, Scalars);

SCALAR_TEST(SubspaceAttentionTest, MatchesPlainLoopsAtManySizes) {
  // Around vectors, panels, tiles and blocks of tokens; around vectors of features and groups of them.
  for (std::size_t const n : {1u, 2u, 5u, 8u, 16u, 17u, 23u, 49u, 65u, 145u, 197u})
    this->expect_oracle(filled(1, {1, n, 48}), 1);
  for (std::size_t const p : {1u, 3u, 16u, 32u, 33u, 48u, 64u, 80u, 96u, 128u, 200u})
    for (std::size_t const n : {5u, 65u}) this->expect_oracle(filled(1, {2, n, 2 * p}), 2);
  for (std::size_t const n : {288u, 289u, 300u, 577u}) this->expect_oracle(filled(1, {1, n, 17}), 1);
}

SCALAR_TEST(SubspaceAttentionTest, NothingIsAllowed) {
  EXPECT_EQ(attend<TypeParam>(Array({2, 0, 6}), Array({2, 0, 6}), 2).out.size(), 0u);
  EXPECT_EQ(attend<TypeParam>(Array({0, 3, 6}), Array({0, 3, 6}), 2).out.size(), 0u);
}

SCALAR_TEST(SubspaceAttentionTest, FivePointGradient) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (double const spread : {1.0, 700.0}) {
      Array const w = ranging(17, 3, spread == 1 ? 0.1 : 1e-3, spread), dout = filled(2, w.shape);
      auto const loss = [&](Array const& at) { return dot(attend<double>(at, dout, 1).out, dout); };
      EXPECT_LE(gradient_error(loss, w, attend<double>(w, dout, 1).dw), 1e-7) << spread;
    }
  }
}

SCALAR_TEST(SubspaceAttentionTest, RangesOnBothSidesOfTheSwitch) {
  double const limit = this->limit;
  for (double const spread :
       {0.5 * limit, 0.99 * limit, 0.9999 * limit, 1.0001 * limit, 1.01 * limit, 2 * limit, 40 * limit}) {
    Recording const recording;
    this->expect_oracle(ranging(37, 24, 0.01, spread), 1, 16 * (1 + spread));
    if constexpr (!krate::impl::is_device<TestSpace>) {
      EXPECT_TRUE(recording.saw("krate::mssa::symmetric") && recording.saw("krate::mssa::symmetric_backward"));
      EXPECT_EQ(recording.saw("krate::mssa::row_maximum"), spread > limit) << spread;
      EXPECT_EQ(recording.saw("krate::mssa::row_maximum_backward"), spread > limit) << spread;
    }
  }
}

SCALAR_TEST(SubspaceAttentionTest, BothFormsAgreeAtTheSwitch) {
  double const limit = this->limit;
  Array const below = ranging(70, 20, 1, 0.999999 * limit), above = ranging(70, 20, 1, 1.000001 * limit);
  Array const dout = filled(2, below.shape);
  auto const b = attend<TypeParam>(below, dout, 1), a = attend<TypeParam>(above, dout, 1);
  EXPECT_LE(worst_error(b.out, a.out), 1e-4);
  EXPECT_LE(worst_error(b.dw, a.dw), 1e-3);
}

SCALAR_TEST(SubspaceAttentionTest, LongTokensOfOneLengthStaySymmetric) {
  Recording const recording;
  this->expect_oracle(ranging(50, 32, 5000, 1), 1, 16 * 5000);
  EXPECT_FALSE(recording.saw("krate::mssa::row_maximum"));
}

SCALAR_TEST(SubspaceAttentionTest, OneHeadsRangeLeavesTheOthersBits) {
  using T = TypeParam;
  Array w = filled(1, {2, 21, 12}), dout = filled(2, w.shape);
  auto const before = attend<T>(w, dout, 3);
  for (std::size_t i = 0; i < 21; i += 4)
    for (std::size_t c = 4; c < 8; ++c) w(1, i, c) *= 100;
  auto const after = attend<T>(w, dout, 3);
  Array const expected = oracle_subspace_attention(w, 3);
  double worst = 0;
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t i = 0; i < 21; ++i)
      for (std::size_t c = 0; c < 12; ++c) {
        if (b == 1 && c / 4 == 1) {
          worst = std::max(worst, std::abs(after.out(b, i, c) - expected(b, i, c)));
        } else {
          EXPECT_EQ(before.out(b, i, c), after.out(b, i, c));
          EXPECT_EQ(before.dw(b, i, c), after.dw(b, i, c));
        }
      }
  EXPECT_LE(worst, sizeof(T) == 8 ? 1e-9 : 1e-1);
}

SCALAR_TEST(SubspaceAttentionTest, WhatIsNotANumberSpoilsItsSampleAndHeadOnly) {
  using T = TypeParam;
  double const bad[] = {std::nan(""), std::numeric_limits<double>::infinity(),
                        std::sqrt(std::numeric_limits<T>::max())};
  Array const clean = filled(1, {2, 19, 12}), dout = filled(2, clean.shape);
  auto const before = attend<T>(clean, dout, 3);
  for (double const value : bad) {
    Array w = clean;
    w(1, 7, 5) = 3 * value;
    auto const after = attend<T>(w, dout, 3);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < 19; ++i)
        for (std::size_t c = 0; c < 12; ++c) {
          bool const spoilt = b == 1 && c / 4 == 1;
          EXPECT_TRUE(spoilt ? !std::isfinite(after.out(b, i, c)) : after.out(b, i, c) == before.out(b, i, c));
          EXPECT_TRUE(spoilt ? !std::isfinite(after.dw(b, i, c)) : after.dw(b, i, c) == before.dw(b, i, c));
        }
  }
}

SCALAR_TEST(SubspaceAttentionTest, AnyNumberOfThreadsAndARepeatGiveTheSameBits) {
  using T = TypeParam;
  Array w = filled(1, {3, 67, 3 * 20}), dout = filled(2, w.shape);
  for (std::size_t i = 0; i < 67; i += 5)
    for (std::size_t c = 20; c < 40; ++c) w(1, i, c) *= 50;  // a head for the row maximum
  auto const many = attend<T>(w, dout, 3), again = attend<T>(w, dout, 3), one = attend<T>(w, dout, 3, {}, one_thread());
  for (auto const* other : {&again, &one}) {
    EXPECT_TRUE(same_bits(many.out, other->out));
    EXPECT_TRUE(same_bits(many.shift, other->shift) && same_bits(many.sum, other->sum));
    EXPECT_TRUE(same_bits(many.dw, other->dw));
  }
}

SCALAR_TEST(SubspaceAttentionTest, NoScoresOfAllPairsAreKept) {
  if constexpr (!krate::impl::is_device<TestSpace>) {
    std::size_t const n = 50000, pairs = n * n * sizeof(TypeParam);
    EXPECT_LT((subspace_attention_workspace<TestSpace, TypeParam>(1, n, 16, 1)), pairs / 50);
    EXPECT_LT((subspace_attention_backward_workspace<TestSpace, TypeParam>(1, n, 16, 1)), pairs / 50);
  }
}

}  // namespace
}  // namespace krate::testing
