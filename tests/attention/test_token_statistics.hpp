// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/impl/plain_causal_tssa.hpp"
#include "attention/tssa_run.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct TokenStatisticsTest : ::testing::Test {};
SCALAR_TESTS(TokenStatisticsTest, Scalars);

SCALAR_TEST(TokenStatisticsTest, MatchesPlainLoopsAtManySizes) {
  using T = TypeParam;
  for (bool const causal : {false, true})
    for (std::size_t const n : {1u, 2u, 7u, 8u, 15u, 16u, 17u, 33u, 50u})
      for (auto const& [heads, p] : {std::pair<std::size_t, std::size_t>{1, 5}, {3, 16}, {2, 32}, {4, 7}, {5, 1}}) {
        auto const problem = in<T>(StatisticsProblem::of(2, n, heads, p, causal));
        Array membership;
        Array const out = problem.oracle(&membership);
        auto const r = run<T>(problem);
        double const allowed = tolerance<T>(n * p);
        EXPECT_LE(worst_error(r.out, out), allowed) << n << " tokens, " << heads << " heads of " << p;
        EXPECT_LE(worst_error(r.membership, membership), allowed) << n << " tokens";
        // The double kernels are the measure of float gradients.
        auto const exact = run<double>(problem);
        EXPECT_LE(worst_error(r.dw, exact.dw), 4 * allowed) << n << " tokens, " << heads << " heads of " << p;
        EXPECT_LE(worst_error(r.dtemperature, exact.dtemperature), 8 * allowed)
            << n << " tokens, " << heads << " heads";
        EXPECT_LE(worst_error(r.dbias, exact.dbias), 8 * allowed) << n << " tokens, " << heads << " heads";
      }
}

SCALAR_TEST(TokenStatisticsTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (bool const causal : {false, true})
      for (auto const& [n, heads, p] : {std::array<std::size_t, 3>{5, 3, 2}, {19, 2, 8}, {11, 4, 3}}) {
        auto const problem = StatisticsProblem::of(2, n, heads, p, causal);
        auto const r = run<double>(problem);
        auto const vary = [&](Array StatisticsProblem::*member) {
          return [&problem, member](Array const& value) {
            StatisticsProblem q = problem;
            q.*member = value;
            return dot(q.oracle(), q.dout);
          };
        };
        EXPECT_LE(gradient_error(vary(&StatisticsProblem::w), problem.w, r.dw), 1e-7) << n;
        EXPECT_LE(gradient_error(vary(&StatisticsProblem::temperature), problem.temperature, r.dtemperature), 1e-7);
        if (causal) {
          EXPECT_LE(gradient_error(vary(&StatisticsProblem::bias), problem.bias, r.dbias), 1e-7);
        }
      }
  }
}

SCALAR_TEST(TokenStatisticsTest, MembershipsSumToOneAndLaterTokensChangeNothing) {
  using T = TypeParam;
  for (bool const causal : {false, true}) {
    auto const problem = StatisticsProblem::of(1, 37, 4, 6, causal);
    auto const r = run<T>(problem);
    for (std::size_t t = 0; t < 37; ++t) {
      double sum = 0;
      for (std::size_t h = 0; h < 4; ++h) sum += r.membership(0, h, t);
      EXPECT_NEAR(sum, 1, tolerance<T>(4));
    }
    if (!causal) continue;
    for (std::size_t const first : {1u, 15u, 16u, 20u, 36u}) {
      auto other = problem;
      for (std::size_t i = first * 24; i < other.w.size(); ++i) other.w.data[i] *= -3;
      auto const after = run<T>(other);
      for (std::size_t i = 0; i < first * 24; ++i) EXPECT_EQ(r.out.data[i], after.out.data[i]) << first;
    }
  }
}

SCALAR_TEST(TokenStatisticsTest, PermutedTokensAndRescaledChannels) {
  using T = TypeParam;
  auto const problem = StatisticsProblem::of(1, 9, 2, 5, false);
  auto const r = run<T>(problem);
  auto turned = problem, scaled = problem;
  Array out(r.out.shape);
  for (std::size_t t = 0; t < 9; ++t)
    for (std::size_t c = 0; c < 10; ++c) {
      turned.w(0, t, c) = problem.w(0, (t + 4) % 9, c);
      out(0, t, c) = r.out(0, (t + 4) % 9, c);
      scaled.w(0, t, c) *= c == 3 ? 7 : 1;
    }
  EXPECT_LE(worst_error(run<T>(turned).out, out), tolerance<T>(9));
  EXPECT_LE(worst_error(run<T>(scaled).membership, r.membership), tolerance<T>(9));
}

SCALAR_TEST(TokenStatisticsTest, DeadChannelsAndNothing) {
  using T = TypeParam;
  for (bool const causal : {false, true}) {
    auto problem = in<T>(StatisticsProblem::of(2, 20, 3, 4, causal));
    for (std::size_t t = 0; t < 20; ++t)
      for (std::size_t c : {0u, 4u, 5u, 6u, 7u}) problem.w(1, t, c) = 0;
    auto const r = run<T>(problem);
    EXPECT_LE(worst_error(r.out, problem.oracle()), tolerance<T>(80));
    for (double const x : r.dw.data) EXPECT_TRUE(std::isfinite(x));
    for (double const x : r.dtemperature.data) EXPECT_TRUE(std::isfinite(x));
    EXPECT_EQ(run<T>(StatisticsProblem::of(2, 0, 3, 4, causal)).out.size(), 0u);
    EXPECT_EQ(run<T>(StatisticsProblem::of(0, 5, 3, 4, causal)).out.size(), 0u);
    auto one = StatisticsProblem::of(2, 20, 1, 4, causal);
    for (double const x : run<T>(one).dtemperature.data) EXPECT_EQ(x, 0);  // Pi is 1 whatever the temperature
  }
}

SCALAR_TEST(TokenStatisticsTest, LargeLogitsStayFinite) {
  using T = TypeParam;
  for (bool const causal : {false, true}) {
    auto problem = StatisticsProblem::of(1, 20, 3, 8, causal);
    for (auto& t : problem.temperature.data) t *= 1000;
    auto const r = run<T>(problem);
    for (Array const* a : {&r.out, &r.dw, &r.dtemperature})
      for (double const x : a->data) EXPECT_TRUE(std::isfinite(x));
  }
}

SCALAR_TEST(TokenStatisticsTest, AnyNumberOfThreadsARepeatAndABatchOneByOne) {
  using T = TypeParam;
  for (bool const causal : {false, true}) {
    auto const problem = StatisticsProblem::of(3, 37, 3, 20, causal);
    auto const many = run<T>(problem), again = run<T>(problem), one = run<T>(problem, one_thread());
    for (auto const* other : {&again, &one})
      EXPECT_TRUE(same_bits(many.out, other->out) && same_bits(many.dw, other->dw) &&
                  same_bits(many.dtemperature, other->dtemperature) && same_bits(many.dbias, other->dbias));
    for (std::size_t b = 0; b < 3; ++b) {
      auto single = StatisticsProblem::of(1, 37, 3, 20, causal);
      std::size_t const size = single.w.size();
      std::copy_n(problem.w.data.begin() + static_cast<std::ptrdiff_t>(b * size), size, single.w.data.begin());
      std::copy_n(problem.dout.data.begin() + static_cast<std::ptrdiff_t>(b * size), size, single.dout.data.begin());
      auto const r = run<T>(single);
      EXPECT_TRUE(std::equal(r.out.data.begin(), r.out.data.end(),
                             many.out.data.begin() + static_cast<std::ptrdiff_t>(b * size)));
      EXPECT_TRUE(
          std::equal(r.dw.data.begin(), r.dw.data.end(), many.dw.data.begin() + static_cast<std::ptrdiff_t>(b * size)));
    }
  }
}

SCALAR_TEST(TokenStatisticsTest, PlainKernelsAgree) {
  using T = TypeParam;
  TestSpace space;
  for (bool const causal : {false, true}) {
    auto const problem = in<T>(StatisticsProblem::of(2, 21, 3, 5, causal));
    auto const r = run<T>(problem);
    auto const w = to_view<TestSpace, T, 3>(problem.w), dout = to_view<TestSpace, T, 3>(problem.dout);
    auto const t = to_view<TestSpace, T, 1>(problem.temperature), dt = to_view<TestSpace, T, 1>(Array({3}));
    auto const b = to_view<TestSpace, T, 2>(problem.bias), db = to_view<TestSpace, T, 2>(Array(problem.bias.shape));
    Guarded<TestSpace, T, 3> out(2, 21, 15), membership(2, 3, 21), dw(2, 21, 15);
    Guarded<TestSpace, T, 2> energy(2, 15), moment(2, 15);
    TokenStatistics<TestSpace, T> const saved{membership.view(), energy.view(), moment.view()};
    Arena<TestSpace> arena(space, 1 << 20);
    Tensor3<T, TestSpace> const vw(w.data(), 2, 21, 15), vd(dout.data(), 2, 21, 15);
    if (causal) {
      using Plain = krate::impl::PlainCausalTssa<TestSpace, T>;
      Plain::forward(space, vw, t, b, arena.workspace(), out.view(), saved);
      Plain::backward(space, vw, t, b, saved, vd, arena.workspace(), dw.view(), dt, db);
    } else {
      using Plain = krate::impl::PlainTssa<TestSpace, T>;
      Plain::forward(space, vw, t, out.view(), saved);
      Plain::backward(space, vw, t, saved, vd, arena.workspace(), dw.view(), dt);
    }
    space.fence("krate::test: token statistics");
    double const allowed = tolerance<T>(100);
    EXPECT_LE(worst_error(out.array(), r.out), allowed);
    EXPECT_LE(worst_error(dw.array(), r.dw), 4 * allowed);
    EXPECT_LE(worst_error(to_array(dt), r.dtemperature), 4 * allowed);
    EXPECT_LE(worst_error(to_array(db), r.dbias), 4 * allowed);
  }
}

SCALAR_TEST(TokenStatisticsTest, AllWorkIsLabelledAndRunsOnTheInstance) {
  using T = TypeParam;
  for (bool const causal : {false, true}) {
    TestSpace space;
    TssaOptions const options{3, causal ? Mask::causal : Mask::none};
    auto const problem = StatisticsProblem::of(2, 9, 3, 4, causal);
    auto const w = to_view<TestSpace, T, 3>(problem.w), d = to_view<TestSpace, T, 3>(problem.dout),
               out = to_view<TestSpace, T, 3>(problem.w);
    auto const t = to_view<TestSpace, T, 1>(problem.temperature);
    auto const b = to_view<TestSpace, T, 2>(problem.bias), db = to_view<TestSpace, T, 2>(problem.bias);
    Arena<TestSpace> arena(space, 1 << 20), kept(space, 1 << 20);
    auto cut = kept.workspace();
    auto const saved = TokenStatistics<TestSpace, T>::cut(cut, 2, 9, 12, options);
    expect_good_conduct(space, [&] {
      token_statistics(space, w, t, b, options, arena.workspace(), out, saved);
      token_statistics_backward(space, w, t, b, options, saved, d, arena.workspace(), out, t, db);
    });
  }
}

SCALAR_TEST(TokenStatisticsTest, WrongShapesAreExplained) {
  using T = TypeParam;
  auto problem = StatisticsProblem::of(1, 3, 2, 4, true);
  problem.bias = Array({2, 2});
  EXPECT_ERROR(ShapeError, "position_bias has shape [2, 2], expected [2, 3]", run<T>(problem));
  problem.bias = Array({2, 3});
  problem.causal = false;
  EXPECT_ERROR(ValueError, "position_bias.extent(0) = 2, but it must be 0 without a causal mask", run<T>(problem));
  problem = StatisticsProblem::of(1, 3, 2, 4, false);
  problem.temperature = Array({3});
  EXPECT_ERROR(ValueError, "heads = 3, but it must divide", run<T>(problem));
  problem = StatisticsProblem::of(1, 3, 2, 4, false);
  problem.dout = Array({1, 3, 4});
  EXPECT_ERROR(ShapeError, "dout has shape [1, 3, 4], expected [1, 3, 8]", run<T>(problem));
}

}  // namespace
}  // namespace krate::testing
