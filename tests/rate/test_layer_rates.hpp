// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/runs.hpp"

namespace {

inline Array oracle_projection_rate(Array const& w, std::size_t heads, double eps_squared) {
  std::size_t const n = w.extent(1), p = w.extent(2) / heads;
  Array rates({w.extent(0)});
  for (std::size_t b = 0; b < w.extent(0); ++b)
    for (std::size_t k = 0; k < heads; ++k) {
      Array v({n, p});
      for (std::size_t t = 0; t < n; ++t) {
        double norm = 0;
        for (std::size_t j = 0; j < p; ++j) norm += w(b, t, k * p + j) * w(b, t, k * p + j);
        for (std::size_t j = 0; j < p; ++j) v(t, j) = norm > 0 ? w(b, t, k * p + j) / std::sqrt(norm) : 0;
      }
      rates(b) += oracle_rate(v, alpha_of(v, eps_squared));
    }
  return rates;
}

template <class T>
struct LayerRatesTest : ::testing::Test {};
TYPED_TEST_SUITE(LayerRatesTest, krate::testing::Scalars, SuiteName);

// From an independent program in double: the projections X U^T of the standard fill.
TYPED_TEST(LayerRatesTest, ReproducesTheNumbersOfTheReferencePage) {
  Array const w = product(filled(1, {10, 8}), transpose_of(filled(5, {8, 8}))).reshaped({2, 5, 8});
  double const allowed = std::is_same_v<TypeParam, float> ? 1e-5 : 1e-12;
  EXPECT_LE(
      worst_error(run_projection_rate<TypeParam>(w, 2, 0.01), Array({2}, {15.704927861953692, 16.43036214535604})),
      allowed);
}

TYPED_TEST(LayerRatesTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Size {
    std::size_t batch, n, heads, p;
  };
  for (Size const& s : {Size{1, 1, 1, 1}, Size{3, 17, 4, 8}, Size{2, 3, 2, 7}, Size{4, 60, 3, 5}}) {
    Array const w = rounded<T>(filled(1, {s.batch, s.n, s.heads * s.p}));
    EXPECT_LE(worst_error(run_projection_rate<T>(w, s.heads, 0.01), oracle_projection_rate(w, s.heads, 0.01)), 1e-12);
  }
}

TYPED_TEST(LayerRatesTest, ScaleOfTokensDoesNotMatterAndBoundsHold) {
  using T = TypeParam;
  std::size_t const n = 20, heads = 3, p = 4;
  Array w = filled(1, {2, n, heads * p});
  Array const rates = run_projection_rate<T>(w, heads, 0.01);
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t j = 0; j < heads * p; ++j) w(0, t, j) *= std::pow(2.0, static_cast<double>(t % 9) - 4);
  EXPECT_LE(worst_error(run_projection_rate<T>(w, heads, 0.01), rates), 1e-12);
  for (double const r : rates.data) {
    EXPECT_GE(r, 0.5 * heads * std::log(1 + p / 0.01));
    EXPECT_LE(r, 0.5 * heads * p * std::log(1 + 1 / 0.01));
  }
}

TYPED_TEST(LayerRatesTest, ZeroVectorsAreGuardedAndNaNStaysInItsSample) {
  using T = TypeParam;
  Array w = rounded<T>(filled(1, {3, 6, 4}));
  for (std::size_t j = 0; j < 2; ++j) w(0, 3, j) = 0;
  w(1, 2, 2) = std::numeric_limits<double>::quiet_NaN();
  Array const rates = run_projection_rate<T>(w, 2, 0.01);
  EXPECT_NEAR(rates(0), oracle_projection_rate(w, 2, 0.01)(0), 1e-12);
  EXPECT_TRUE(std::isnan(rates(1)));
  EXPECT_TRUE(std::isfinite(rates(2)));
  EXPECT_TRUE(same_bits(run_projection_rate<T>(Array({2, 3, 4}), 2, 0.01), Array({2})));
  EXPECT_TRUE(same_bits(run_projection_rate<T>(Array({2, 0, 4}), 2, 0.01), Array({2})));
}

TYPED_TEST(LayerRatesTest, DensityCountsWhatIsNotZero) {
  using T = TypeParam;
  Array x = filled(1, {3, 5, 7});
  for (std::size_t i = 0; i < 35; ++i) {
    if (i % 3 == 0) x.data[i] = i % 2 ? 0.0 : -0.0;  // sample 0: 12 zeros
    x.data[70 + i] = 0;
  }
  EXPECT_TRUE(same_bits(run_density<T>(x), Array({3}, {23.0 / 35, 1, 0})));
  EXPECT_EQ(run_density<T>(Array({1, 0, 4}))(0), 0);
  EXPECT_EQ(run_density<T>(Array({0, 3, 4})).size(), 0u);
  EXPECT_EQ(run_density<T>(Array({1, 1, 2}, {std::numeric_limits<double>::quiet_NaN(), 0}))(0), 0.5);
}

TYPED_TEST(LayerRatesTest, ConductAndRepetition) {
  using T = TypeParam;
  auto const w = view<T, 3>(filled(1, {6, 17, 12}));
  Bench const bench(krate::analysis::projection_coding_rate_workspace(6, 17, 3, 4));
  Guarded<TestSpace, double, 1> first(6), second(6), density(6);
  auto const run = [&](TestSpace const& space, auto const& rates) {
    krate::analysis::projection_coding_rate(space, w, 3, 0.01, bench.work(), rates.view());
  };
  expect_good_conduct(bench.space, [&] { run(bench.space, first); });
  expect_good_conduct(bench.space, [&] { krate::analysis::density(bench.space, w, density.view()); });
  run(one_thread(), second);
  EXPECT_TRUE(same_bits(first.array(), second.array()));
}

TYPED_TEST(LayerRatesTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ValueError,
               "krate::analysis::projection_coding_rate: heads = 3, but it must be positive and divide",
               run_projection_rate<T>(filled(1, {2, 5, 8}), 3, 0.01));
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0", run_projection_rate<T>(filled(1, {2, 5, 8}), 2, 0));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::density: density has shape [2], expected [3] (one number a sample)",
               krate::analysis::density(TestSpace(), view<T, 3>(Array({3, 2, 2})), view<double, 1>(Array({2}))));
}

}  // namespace
