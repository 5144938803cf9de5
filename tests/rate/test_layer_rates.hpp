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
SCALAR_TESTS(LayerRatesTest, krate::testing::Scalars);

// From an independent program in double: the projections X U^T of the standard fill.
SCALAR_TEST(LayerRatesTest, ReproducesTheNumbersOfTheReferencePage) {
  Array const w = product(filled(1, {10, 8}), transpose_of(filled(5, {8, 8}))).reshaped({2, 5, 8});
  double const allowed = std::is_same_v<TypeParam, float> ? 1e-5 : 1e-12;
  EXPECT_LE(
      worst_error(run_projection_rate<TypeParam>(w, 2, 0.01), Array({2}, {15.704927861953692, 16.43036214535604})),
      allowed);
}

SCALAR_TEST(LayerRatesTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Size {
    std::size_t batch, n, heads, p;
  };
  for (Size const& s : {Size{1, 1, 1, 1}, Size{3, 17, 4, 8}, Size{2, 3, 2, 7}, Size{4, 60, 3, 5}}) {
    Array const w = rounded<T>(filled(1, {s.batch, s.n, s.heads * s.p}));
    EXPECT_LE(worst_error(run_projection_rate<T>(w, s.heads, 0.01), oracle_projection_rate(w, s.heads, 0.01)), 1e-12);
  }
}

SCALAR_TEST(LayerRatesTest, ScaleOfTokensDoesNotMatterAndBoundsHold) {
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

SCALAR_TEST(LayerRatesTest, ZeroVectorsAreGuardedAndNaNStaysInItsSample) {
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

SCALAR_TEST(LayerRatesTest, DensityCountsWhatIsNotZero) {
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

SCALAR_TEST(LayerRatesTest, UnitTokensHaveLengthOneAndZerosStay) {
  using T = TypeParam;
  Array z = rounded<T>(filled(1, {2, 5, 7}));
  for (std::size_t j = 0; j < 7; ++j) z(1, 2, j) = 0;
  Array expected = z;
  for (std::size_t row = 0; row < 10; ++row) {
    double square = 0;
    for (std::size_t j = 0; j < 7; ++j) square += z.data[row * 7 + j] * z.data[row * 7 + j];
    for (std::size_t j = 0; j < 7; ++j) expected.data[row * 7 + j] /= square > 0 ? std::sqrt(square) : 1;
  }
  EXPECT_LE(worst_error(run_unit_tokens<T>(z), expected), tolerance<T>(1));
  EXPECT_EQ(run_unit_tokens<T>(Array({2, 0, 3})).size(), 0u);
}

template <class T>
Array run_unit_tokens_backward(Array const& z, Array const& g) {
  auto const tokens = view<T, 3>(z), dunit = view<T, 3>(g);
  Guarded<TestSpace, T, 3> unit(z.extent(0), z.extent(1), z.extent(2)), dtokens(z.extent(0), z.extent(1), z.extent(2));
  krate::analysis::unit_tokens(TestSpace(), tokens, unit.view());
  krate::analysis::unit_tokens_backward(TestSpace(), tokens, unit.view(), dunit, dtokens.view());
  EXPECT_TRUE(dtokens.intact());
  Array const found = dtokens.array();
  krate::analysis::unit_tokens_backward(TestSpace(), tokens, unit.view(), dunit, dunit);  // in place
  EXPECT_TRUE(same_bits(to_array(dunit), found));
  return found;
}

SCALAR_TEST(LayerRatesTest, GradientOfUnitTokensIsTheTangent) {
  using T = TypeParam;
  Array z = rounded<T>(filled(1, {2, 5, 7})), g = rounded<T>(filled(2, {2, 5, 7})), expected({2, 5, 7});
  for (std::size_t j = 0; j < 7; ++j) z(1, 2, j) = 0;
  for (std::size_t row = 0; row < 10; ++row) {
    double square = 0, radial = 0;
    for (std::size_t j = 0; j < 7; ++j) {
      square += z.data[row * 7 + j] * z.data[row * 7 + j];
      radial += z.data[row * 7 + j] * g.data[row * 7 + j];
    }
    if (square == 0) continue;
    for (std::size_t j = 0; j < 7; ++j)
      expected.data[row * 7 + j] = (g.data[row * 7 + j] - radial * z.data[row * 7 + j] / square) / std::sqrt(square);
  }
  EXPECT_LE(worst_error(run_unit_tokens_backward<T>(z, g), expected), tolerance<T>(1));
  EXPECT_EQ(run_unit_tokens_backward<T>(Array({2, 0, 3}), Array({2, 0, 3})).size(), 0u);
}

SCALAR_TEST(LayerRatesTest, FivePointGradientOfUnitTokens) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const z = filled(1, {2, 3, 4}, 1, 0.2), g = filled(2, {2, 3, 4});
    auto const loss = [&](Array const& x) { return krate::testing::dot(run_unit_tokens<double>(x), g); };
    EXPECT_LE(krate::testing::gradient_error(loss, z, run_unit_tokens_backward<double>(z, g), 1e-4), 1e-7);
  }
}

SCALAR_TEST(LayerRatesTest, CosineOfAStepWithTheDescent) {
  using T = TypeParam;
  Array const before = rounded<T>(filled(1, {3, 4, 9})), gradient = rounded<T>(filled(3, {3, 4, 9}));
  Array after = before, step = rounded<T>(filled(2, {3, 4, 9}));
  for (std::size_t i = 0; i < 36; ++i) step.data[i] = -0.5 * gradient.data[i];  // sample 0: straight down
  for (std::size_t i = 72; i < 108; ++i) step.data[i] = 0;                      // sample 2: no step
  double along = 0, steps = 0, slopes = 0;
  for (std::size_t i = 0; i < 108; ++i) after.data[i] += step.data[i];
  after = rounded<T>(after);
  for (std::size_t i = 36; i < 72; ++i) {
    double const s = after.data[i] - before.data[i], g = gradient.data[i];
    along += s * g;
    steps += s * s;
    slopes += g * g;
  }
  double const allowed = std::is_same_v<T, float> ? 1e-6 : 1e-13;
  Array const cosines = run_descent_cosine<T>(before, after, gradient);
  EXPECT_NEAR(cosines(0), 1, allowed);
  EXPECT_NEAR(cosines(1), -along / std::sqrt(steps * slopes), allowed);
  EXPECT_EQ(cosines(2), 0);
  EXPECT_EQ(run_descent_cosine<T>(Array({1, 0, 4}), Array({1, 0, 4}), Array({1, 0, 4}))(0), 0);
}

SCALAR_TEST(LayerRatesTest, ConductAndRepetition) {
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
  auto const other = view<T, 3>(filled(2, {6, 17, 12}));
  Guarded<TestSpace, T, 3> unit(6, 17, 12);
  expect_good_conduct(bench.space, [&] { krate::analysis::unit_tokens(bench.space, w, unit.view()); });
  Guarded<TestSpace, T, 3> dz(6, 17, 12);
  expect_good_conduct(bench.space,
                      [&] { krate::analysis::unit_tokens_backward(bench.space, w, unit.view(), other, dz.view()); });
  auto const cosine = [&](TestSpace const& space, auto const& cosines) {
    krate::analysis::descent_cosine(space, w, other, unit.view(), cosines.view());
  };
  expect_good_conduct(bench.space, [&] { cosine(bench.space, first); });
  cosine(one_thread(), second);
  EXPECT_TRUE(same_bits(first.array(), second.array()));
}

SCALAR_TEST(LayerRatesTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ValueError,
               "krate::analysis::projection_coding_rate: heads = 3, but it must be positive and divide",
               run_projection_rate<T>(filled(1, {2, 5, 8}), 3, 0.01));
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0", run_projection_rate<T>(filled(1, {2, 5, 8}), 2, 0));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::density: density has shape [2], expected [3] (one number a sample)",
               krate::analysis::density(TestSpace(), view<T, 3>(Array({3, 2, 2})), view<double, 1>(Array({2}))));
  auto const z = view<T, 3>(Array({3, 2, 2}));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::unit_tokens: unit has shape [3, 2, 1], expected [3, 2, 2]",
               krate::analysis::unit_tokens(TestSpace(), z, view<T, 3>(Array({3, 2, 1}))));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::unit_tokens_backward: dunit has shape [3, 1, 2]",
               krate::analysis::unit_tokens_backward(TestSpace(), z, z, view<T, 3>(Array({3, 1, 2})), z));
  EXPECT_ERROR(
      krate::ShapeError, "krate::analysis::descent_cosine: gradient has shape [3, 1, 2]",
      krate::analysis::descent_cosine(TestSpace(), z, z, view<T, 3>(Array({3, 1, 2})), view<double, 1>(Array({3}))));
}

}  // namespace
