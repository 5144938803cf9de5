// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/attend.hpp"
#include "krate/attention/multi_head_attention.hpp"
#include "support/multi_head_oracle.hpp"

namespace krate::testing {
namespace {

struct MultiHeadResult {
  Array out, shift, sum, dqkv;
};

/// Forward and backward with workspaces of exactly the size asked for.
template <class T>
MultiHeadResult attend_multi_head(Array const& qkv, Array const& dout, std::size_t heads, OracleMask const& masked = {},
                                  TestSpace const& space = TestSpace()) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1), inner = qkv.extent(2) / 3;
  KeptMask const kept(masked);
  Guarded<TestSpace, T, 3> out(batch, n, inner), shift(batch, heads, n), sum(batch, heads, n),
      dqkv(batch, n, 3 * inner);
  SoftmaxRows<TestSpace, T> const rows{shift.view(), sum.view()};
  std::size_t const forward = multi_head_attention_workspace<TestSpace, T>(batch, n, inner, heads),
                    backward = multi_head_attention_backward_workspace<TestSpace, T>(batch, n, inner, heads);
  Guarded<TestSpace, double, 1> first(forward / sizeof(double)), second(backward / sizeof(double));
  auto const x = to_view<TestSpace, T, 3>(qkv), d = to_view<TestSpace, T, 3>(dout);
  multi_head_attention(space, x, heads, Workspace<TestSpace>(first.view().data(), forward), out.view(), rows,
                       kept.mask);
  multi_head_attention_backward(space, x, heads, out.view(), rows, d,
                                Workspace<TestSpace>(second.view().data(), backward), dqkv.view(), kept.mask);
  space.fence("krate::test: attention");
  EXPECT_TRUE(out.intact() && shift.intact() && sum.intact() && dqkv.intact() && first.intact() && second.intact());
  return {out.array(), shift.array(), sum.array(), dqkv.array()};
}

template <class Scalar>
struct MultiHeadAttentionTest : ::testing::Test {
  /// Queries, keys and values, or a factor for the former two, of batch samples; and what flows back.
  struct Problem {
    Array qkv, dout;
    std::size_t heads;
    Problem(std::size_t batch, std::size_t n, std::size_t k, std::size_t p, double factor = 1)
        : qkv(rounded_to<Scalar>(filled(1, {batch, n, 3 * k * p}))),
          dout(rounded_to<Scalar>(filled(2, {batch, n, k * p}))),
          heads(k) {
      for (std::size_t i = 0; i < qkv.size(); ++i)
        if (i % (3 * k * p) < 2 * k * p) qkv.data[i] = static_cast<double>(static_cast<Scalar>(factor * qkv.data[i]));
    }
    MultiHeadResult run(OracleMask const& mask = {}, TestSpace const& space = TestSpace()) const {
      return attend_multi_head<Scalar>(qkv, dout, heads, mask, space);
    }
    void expect_oracle(OracleMask const& mask = {}, double c = 16) const {
      auto const r = run(mask);
      std::size_t const n = qkv.extent(1), p = dout.extent(2) / heads;
      double const allowed = tolerance<Scalar>(n + p, c);
      EXPECT_LE(worst_error(r.out, oracle_multi_head_attention(qkv, heads, mask)), allowed) << n << " x " << p;
      EXPECT_LE(worst_error(r.dqkv, oracle_multi_head_attention_gradient(qkv, heads, dout, mask)), allowed)
          << n << " x " << p;
    }
  };
  /// All pairs, causal, padding here and there, both; sample 1 of more is nothing but padding.
  static std::vector<OracleMask> masks(std::size_t batch, std::size_t n) {
    Array keys({batch, n});
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t j = 0; j < n; ++j) keys(b, j) = b == 1 ? 0 : (3 * j + b) % 7 != 0;
    return {{false, Array({0, 0})}, {true, Array({0, 0})}, {false, keys}, {true, keys}};
  }
};
SCALAR_TESTS(MultiHeadAttentionTest, Scalars);

SCALAR_TEST(MultiHeadAttentionTest, MatchesPlainLoopsAtManySizes) {
  using Problem = typename TestFixture::Problem;
  // Around vectors, panels, tiles and strips of tokens; around vectors of features and groups of them.
  for (std::size_t const n : {1u, 2u, 5u, 8u, 16u, 17u, 23u, 24u, 25u, 49u, 65u, 145u, 197u})
    for (auto const& mask : this->masks(1, n)) Problem(1, n, 1, 24).expect_oracle(mask, 2);
  for (std::size_t const p : {1u, 3u, 16u, 17u, 32u, 48u, 64u, 80u, 200u})
    for (auto const& mask : this->masks(3, 37)) Problem(3, 37, 2, p).expect_oracle(mask, 2);
  EXPECT_EQ(Problem(2, 0, 2, 3).run().out.size(), 0u);
  EXPECT_EQ(Problem(0, 3, 2, 3).run().out.size(), 0u);
}

SCALAR_TEST(MultiHeadAttentionTest, LargeLogits) {
  using Problem = typename TestFixture::Problem;
  for (double const factor : {10.0, 100.0})
    for (auto const& mask : this->masks(2, 40)) Problem(2, 40, 2, 16, factor).expect_oracle(mask, factor * factor);
}

SCALAR_TEST(MultiHeadAttentionTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const& mask : this->masks(2, 17)) {
      typename TestFixture::Problem const problem(2, 17, 2, 3);
      auto const loss = [&](Array const& at) {
        return dot(attend_multi_head<double>(at, problem.dout, 2, mask).out, problem.dout);
      };
      EXPECT_LE(gradient_error(loss, problem.qkv, problem.run(mask).dqkv), 1e-7);
    }
  }
}

SCALAR_TEST(MultiHeadAttentionTest, LaterTokensChangeNoBitOfEarlierOnes) {
  std::size_t const n = 83, inner = 20;
  OracleMask const causal{true, Array({0, 0})};
  typename TestFixture::Problem const problem(1, n, 1, inner);
  auto const before = problem.run(causal);
  for (std::size_t const first : {1u, 15u, 16u, 24u, 40u, 48u, 82u}) {
    auto other = problem, early = problem;
    for (std::size_t i = first; i < n; ++i)
      for (std::size_t c = 0; c < 3 * inner; ++c) other.qkv(0, i, c) *= i % 2 == 0 ? 1.1 : -0.9;
    auto const after = other.run(causal);
    for (std::size_t i = 0; i < first; ++i)
      for (std::size_t c = 0; c < inner; ++c)
        EXPECT_EQ(before.out(0, i, c), after.out(0, i, c)) << i << " of " << first;
    // And the gradient of an earlier output does not reach them.
    std::fill(early.dout.data.begin() + static_cast<std::ptrdiff_t>(first * inner), early.dout.data.end(), 0);
    auto const none = early.run(causal);
    for (std::size_t i = first; i < n; ++i)
      for (std::size_t c = 0; c < 3 * inner; ++c) EXPECT_EQ(none.dqkv(0, i, c), 0) << i << " of " << first;
  }
}

SCALAR_TEST(MultiHeadAttentionTest, AQueryThatSeesNoKeyGetsZeros) {
  typename TestFixture::Problem const problem(1, 19, 2, 4);
  Array keys({1, 19});
  auto const none = problem.run({false, keys});
  for (double const x : none.out.data) EXPECT_EQ(x, 0);
  for (double const x : none.dqkv.data) EXPECT_EQ(x, 0);
  for (std::size_t j = 10; j < 19; ++j) keys(0, j) = 1;
  auto const late = problem.run({true, keys});
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t c = 0; c < 8; ++c) EXPECT_EQ(late.out(0, i, c), 0);
  for (double const x : late.dqkv.data) EXPECT_TRUE(std::isfinite(x));
}

SCALAR_TEST(MultiHeadAttentionTest, WhatIsNotANumberSpoilsItsSampleAndHeadOnly) {
  typename TestFixture::Problem const clean(2, 19, 3, 4);
  auto const before = clean.run();
  for (std::size_t const column : {5u, 17u, 29u})  // of the second head: a query, a key, a value
    for (double const value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      auto spoilt = clean;
      spoilt.qkv(1, 7, column) = value;
      auto const after = spoilt.run();
      for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 19; ++i)
          for (std::size_t c = 0; c < 36; ++c) {
            bool const bad = b == 1 && c % 12 / 4 == 1;
            EXPECT_TRUE(bad ? !std::isfinite(after.dqkv(b, i, c)) : after.dqkv(b, i, c) == before.dqkv(b, i, c));
            if (c < 12) {
              EXPECT_TRUE(bad ? !std::isfinite(after.out(b, i, c)) : after.out(b, i, c) == before.out(b, i, c));
            }
          }
    }
}

SCALAR_TEST(MultiHeadAttentionTest, AnyNumberOfThreadsAndARepeatGiveTheSameBits) {
  typename TestFixture::Problem const problem(3, 67, 3, 20);
  for (auto const& mask : this->masks(3, 67)) {
    auto const many = problem.run(mask), again = problem.run(mask), one = problem.run(mask, one_thread());
    for (auto const* other : {&again, &one})
      EXPECT_TRUE(same_bits(many.out, other->out) && same_bits(many.shift, other->shift) &&
                  same_bits(many.sum, other->sum) && same_bits(many.dqkv, other->dqkv));
  }
}

SCALAR_TEST(MultiHeadAttentionTest, NoScoresOfAllPairsAreKept) {
  if constexpr (!krate::impl::is_device<TestSpace>) {
    std::size_t const n = 50000, pairs = n * n * sizeof(TypeParam);
    EXPECT_LT((multi_head_attention_workspace<TestSpace, TypeParam>(1, n, 16, 1)), pairs / 50);
    EXPECT_LT((multi_head_attention_backward_workspace<TestSpace, TypeParam>(1, n, 16, 1)), pairs / 50);
  }
}

SCALAR_TEST(MultiHeadAttentionTest, ConductAndErrors) {
  using T = TypeParam;
  TestSpace const space;
  auto const qkv = to_view<TestSpace, T, 3>(filled(1, {2, 3, 12})), dqkv = to_view<TestSpace, T, 3>(Array({2, 3, 12}));
  auto const out = to_view<TestSpace, T, 3>(Array({2, 3, 4})), wrong = to_view<TestSpace, T, 3>(Array({2, 3, 5}));
  auto const shift = to_view<TestSpace, T, 3>(Array({2, 2, 3})), sum = to_view<TestSpace, T, 3>(Array({2, 2, 3}));
  SoftmaxRows<TestSpace, T> const rows{shift, sum};
  std::size_t const bytes = multi_head_attention_backward_workspace<TestSpace, T>(2, 3, 4, 2) +
                            multi_head_attention_workspace<TestSpace, T>(2, 3, 4, 2);
  Arena<TestSpace> const arena(space, bytes);
  auto const forward = [&](std::size_t heads, auto const& to, Workspace<TestSpace> work) {
    multi_head_attention(space, qkv, heads, work, to, rows);
  };
  auto const backward = [&](auto const& to) {
    multi_head_attention_backward(space, qkv, 2, out, rows, out, arena.workspace(), to);
  };
  expect_good_conduct(space, [&] {
    forward(2, out, arena.workspace());
    backward(dqkv);
  });
  EXPECT_ERROR(ValueError, "krate::multi_head_attention: heads = 3", forward(3, out, arena.workspace()));
  EXPECT_ERROR(ShapeError, "krate::multi_head_attention: out has shape [2, 3, 5], expected [2, 3, 4]",
               forward(2, wrong, arena.workspace()));
  EXPECT_ERROR(ShapeError, "krate::multi_head_attention_backward: dqkv has shape [2, 3, 4], expected [2, 3, 12]",
               backward(out));
  EXPECT_ERROR(ValueError, "orkspace", forward(2, out, Workspace<TestSpace>()));
  EXPECT_ERROR(ShapeError, "krate::multi_head_attention: mask.keys has shape [3, 2], expected [2, 3]",
               attend_multi_head<T>(filled(1, {2, 3, 12}), Array({2, 3, 4}), 2, {false, Array({3, 2})}));
}

}  // namespace
}  // namespace krate::testing
