// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/runs.hpp"

namespace {

using krate::testing::orthonormal;
using krate::testing::rate_tolerance;

template <class T>
struct CodingRateTest : ::testing::Test {};
SCALAR_TESTS(CodingRateTest, krate::testing::Scalars);

SCALAR_TEST(CodingRateTest, HandCheckedCase) {
  Array const z({2, 2}, {1, 0, 0, 2});  // alpha = 2 / (2 * 0.5) = 2
  auto const r = run_rate<TypeParam>(view<TypeParam, 2>(z), {.eps_squared = 0.5});
  EXPECT_NEAR(r.rate, 0.5 * (std::log(3.0) + std::log(9.0)), 1e-14);
  EXPECT_LE(worst_error(r.gradient, Array({2, 2}, {2.0 / 3, 0, 0, 4.0 / 9})), tolerance<TypeParam>(2));
}

SCALAR_TEST(CodingRateTest, MatchesPlainLoopsInEveryLayout) {
  using T = TypeParam;
  // Both sides, both sides of the switch between inverse and solves, one row, one column, more rows than a chunk.
  std::size_t const sizes[][2] = {{1, 1},  {1, 6}, {6, 1},  {9, 9},    {9, 7},
                                  {30, 7}, {7, 9}, {7, 30}, {1100, 6}, {5, 1030}};
  for (auto const& s : sizes)
    for (auto const route : {krate::Route::automatic, krate::Route::portable})
      for (Layout const layout : all_layouts) {
        Array const z = rounded<T>(filled(1, {s[0], s[1]}));
        krate::RateOptions const options{.eps_squared = 0.1, .route = route};
        auto const r = run_rate<T>(laid_out<T>(z, layout), options, layout);
        double const alpha = alpha_of(z, 0.1), expected = oracle_rate(z, alpha);
        ASSERT_NEAR(r.rate, expected, 1e-12 * std::max(1.0, expected)) << s[0] << " " << s[1];
        ASSERT_LE(worst_error(r.gradient, oracle_gradient(z, alpha)), rate_tolerance<T>)
            << s[0] << " " << s[1] << " " << int(layout);
        ASSERT_EQ(run_rate_value<T>(laid_out<T>(z, layout), options), r.rate);
      }
}

SCALAR_TEST(CodingRateTest, CountsTheSamplesOfAllRanks) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {10, 4}));
  auto const r = run_rate<T>(view<T, 2>(z), {.eps_squared = 0.2, .samples = 35});
  EXPECT_NEAR(r.rate, oracle_rate(z, alpha_of(z, 0.2, 35)), 1e-13);
  EXPECT_LE(worst_error(r.gradient, oracle_gradient(z, alpha_of(z, 0.2, 35))), rate_tolerance<T>);
}

SCALAR_TEST(CodingRateTest, GradientIsTheDerivative) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const& shape : {std::vector<std::size_t>{9, 4}, {6, 4}, {4, 9}, {5, 5}}) {
      Array const z = filled(3, shape);
      krate::RateOptions const options{.eps_squared = 0.3};
      auto const loss = [&](Array const& y) { return run_rate_value<double>(y, options); };
      EXPECT_LE(krate::testing::gradient_error(loss, z, run_rate<double>(view<double, 2>(z), options).gradient), 1e-9);
    }
  }
}

SCALAR_TEST(CodingRateTest, RotationAndOrderDoNotMatter) {
  using T = TypeParam;
  for (auto const& shape : {std::vector<std::size_t>{20, 6}, {5, 12}}) {
    Array const z = filled(3, shape);
    krate::RateOptions const options{.eps_squared = 0.05};
    double const rate = run_rate_value<T>(z, options), allowed = (std::is_same_v<T, float> ? 1e-5 : 1e-12) * rate;
    EXPECT_NEAR(run_rate_value<T>(product(z, orthonormal(9, shape[1])), options), rate, allowed);
    EXPECT_NEAR(run_rate_value<T>(permuted_rows(z), options), rate, allowed);
  }
}

SCALAR_TEST(CodingRateTest, GrowsWithAlpha) {
  Array const z = filled(3, {12, 5});
  double last = 0;
  for (double const eps_squared : {100.0, 10.0, 1.0, 0.1, 0.01, 1e-4}) {
    double const rate = run_rate_value<TypeParam>(z, {.eps_squared = eps_squared});
    EXPECT_GT(rate, last);
    last = rate;
  }
}

SCALAR_TEST(CodingRateTest, ClosedFormForOrthogonalDirections) {
  // n / d copies of each unit vector: all eigenvalues of alpha Z^T Z are 1 / eps^2.
  std::size_t const d = 6, n = 24;
  Array z({n, d});
  for (std::size_t i = 0; i < n; ++i) z(i, i % d) = 1;
  EXPECT_NEAR(run_rate_value<TypeParam>(z, {.eps_squared = 0.01}), 0.5 * d * std::log(101.0), 1e-12);
}

SCALAR_TEST(CodingRateTest, NothingGivesZero) {
  using T = TypeParam;
  for (auto const& shape : {std::vector<std::size_t>{0, 5}, {5, 0}, {0, 0}}) {
    Array const z(shape);
    EXPECT_EQ(run_rate_value<T>(z, {.eps_squared = 0.1}), 0);
    EXPECT_EQ(run_rate<T>(view<T, 2>(z), {.eps_squared = 0.1}).rate, 0);
  }
  auto const zero = run_rate<T>(view<T, 2>(Array({4, 3})), {.eps_squared = 0.1});
  EXPECT_EQ(zero.rate, 0);
  EXPECT_TRUE(same_bits(zero.gradient, Array({4, 3})));
}

SCALAR_TEST(CodingRateTest, NaNInNaNOut) {
  using T = TypeParam;
  for (auto const& shape : {std::vector<std::size_t>{30, 4}, {5, 4}, {4, 9}})
    for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
      Array z = filled(1, shape);
      z(2, 1) = std::numeric_limits<double>::quiet_NaN();
      auto const r = run_rate<T>(view<T, 2>(z), {.eps_squared = 0.1, .route = route});
      EXPECT_TRUE(std::isnan(r.rate));
      for (double const g : r.gradient.data) EXPECT_TRUE(std::isnan(g));
    }
}

SCALAR_TEST(CodingRateTest, ConductRoutesAndRepetition) {
  using T = TypeParam;
  for (auto const route : routes()) {
    auto const z = view<T, 2>(filled(1, {600, 20}));
    krate::RateOptions const options{.eps_squared = 0.1, .route = route};
    auto const first = run_rate<T>(z, options), second = run_rate<T>(z, options);
    EXPECT_EQ(first.rate, second.rate);
    EXPECT_TRUE(same_bits(first.gradient, second.gradient));
    Bench const bench(krate::coding_rate_gradient_workspace(600, 20));
    Scalar0<double> const rate("krate::test");
    Guarded<TestSpace, T, 2> gradient(600, 20);
    auto const call = [&] {
      krate::coding_rate_gradient(bench.space, z, options, bench.work(), rate, gradient.view());
    };
    expect_good_conduct(bench.space, call);
    EXPECT_TRUE(gradient.intact());
    EXPECT_TRUE(same_bits(gradient.array(), first.gradient));
    std::string const expected = route == krate::Route::portable || !has_vendor ? "portable" : "vendor";
    for (char const* op : {"krate::gram", "krate::cholesky", "krate::triangular_inverse", "krate::gemm"})
      EXPECT_EQ(route_of(op, call), expected) << op;
  }
}

SCALAR_TEST(CodingRateTest, ManyShortRowsTakeTheKernelsForThem) {
  using T = TypeParam;
  for (std::size_t const rows : {639, 640})
    for (auto const route : routes()) {
      auto const z = view<T, 2>(filled(1, {rows, 20}));
      krate::testing::Recording recording;
      run_rate<T>(z, {.eps_squared = 0.1, .route = route});
      bool const thin = rows == 640 && route == krate::Route::automatic;
      EXPECT_EQ(recording.saw("krate::thin_gram"), thin) << rows;
      EXPECT_EQ(recording.saw("krate::thin_product"), thin) << rows;
    }
}

SCALAR_TEST(CodingRateTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const z = view<T, 2>(filled(1, {6, 3}));
  Bench const bench(krate::coding_rate_gradient_workspace(6, 3));
  Scalar0<double> const rate("krate::test");
  auto const call = [&](krate::RateOptions const& options) {
    krate::coding_rate(bench.space, z, options, bench.work(), rate);
  };
  EXPECT_ERROR(krate::ValueError, "krate::coding_rate: eps_squared = 0, but it must be positive", call({}));
  EXPECT_ERROR(krate::ValueError, "eps_squared = inf", call({.eps_squared = std::numeric_limits<double>::infinity()}));
  EXPECT_ERROR(krate::ValueError, "samples = 5, but it must be 0 or at least the number of rows",
               call({.eps_squared = 1, .samples = 5}));
  krate::RateOptions const options{.eps_squared = 1};
  EXPECT_ERROR(krate::ValueError, "size it with the operation's _workspace function",
               krate::coding_rate(bench.space, z, options, krate::Workspace<TestSpace>(), rate));
  auto const wrong = view<T, 2>(filled(1, {3, 6}));
  EXPECT_ERROR(krate::ShapeError,
               "krate::coding_rate_gradient: gradient has shape [3, 6], expected [6, 3] (same shape as z)",
               krate::coding_rate_gradient(bench.space, z, options, bench.work(), rate, wrong));
}

}  // namespace
