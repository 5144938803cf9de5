// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/subspace_runs.hpp"

namespace {

template <class T>
struct SubspaceCodingRateTest : ::testing::Test {};
SCALAR_TESTS(SubspaceCodingRateTest, krate::testing::Scalars);

SCALAR_TEST(SubspaceCodingRateTest, HandCheckedCase) {
  // One token (3, 4) and the two axes: gamma = 1 / (1 * 0.5) = 2.
  Array const z({1, 1, 2}, {3, 4}), u({2, 2}, {1, 0, 0, 1});
  auto const r = run_subspace_rate<TypeParam>(z, u, {.eps_squared = 0.5, .heads = 2});
  EXPECT_NEAR(r.rates(0), 0.5 * std::log(19.0 * 33.0), 1e-14);
  EXPECT_LE(worst_error(r.dz, Array({1, 1, 2}, {6.0 / 19, 8.0 / 33})), tolerance<TypeParam>(2));
}

SCALAR_TEST(SubspaceCodingRateTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Size {
    std::size_t batch, n, d, heads, p;
  };
  for (Size const& s : {Size{1, 1, 1, 1, 1}, Size{2, 9, 6, 3, 2}, Size{3, 5, 7, 2, 4}, Size{2, 3, 8, 1, 8},
                        Size{1, 40, 12, 4, 3}, Size{5, 1, 4, 2, 5}})
    for (auto const route : routes()) {
      Array const z = rounded<T>(filled(1, {s.batch, s.n, s.d})), u = rounded<T>(filled(2, {s.heads * s.p, s.d}));
      auto const r = run_subspace_rate<T>(z, u, {0.1, s.heads, route});
      auto const expected = oracle_subspace_rate(z, u, s.heads, 0.1);
      // Projections are rounded to the scalar of z.
      double const allowed = std::is_same_v<T, float> ? 1e-5 : 1e-12;
      ASSERT_LE(worst_error(r.rates, expected.rates), allowed);
      ASSERT_LE(worst_error(r.dz, expected.dz), allowed);
      ASSERT_LE(worst_error(r.du, expected.du), allowed);
      ASSERT_TRUE(same_bits(run_subspace_rate<T>(z, u, {0.1, s.heads, route}, false).rates, r.rates));
    }
}

SCALAR_TEST(SubspaceCodingRateTest, GradientsAreTheDerivatives) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const z = filled(1, {2, 5, 6}), u = filled(2, {6, 6});
    krate::SubspaceRateOptions const options{.eps_squared = 0.3, .heads = 3};
    auto const total = [&](Array const& x, Array const& v) {
      Array const rates = run_subspace_rate<double>(x, v, options, false).rates;
      return rates(0) + rates(1);
    };
    auto const r = run_subspace_rate<double>(z, u, options);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& x) { return total(x, u); }, z, r.dz), 1e-9);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return total(z, v); }, u, r.du), 1e-9);
  }
}

SCALAR_TEST(SubspaceCodingRateTest, AddsIntoTheGradientOfU) {
  using T = TypeParam;
  Array const z = filled(1, {2, 5, 4}), u = filled(2, {4, 4});
  krate::SubspaceRateOptions const options{.eps_squared = 0.3, .heads = 2};
  auto const once = run_subspace_rate<T>(z, u, options);
  Bench const bench(krate::subspace_coding_rate_workspace<T>(2, 5, 2, 2));
  Guarded<TestSpace, double, 1> rates(2);
  Guarded<TestSpace, T, 3> dz(2, 5, 4);
  Array const start = rounded<T>(filled(7, {4, 4}));
  auto const du = view<T, 2>(start);
  krate::subspace_coding_rate_gradient(bench.space, view<T, 3>(z), view<T, 2>(u), options, bench.work(), rates.view(),
                                       dz.view(), du);
  EXPECT_LE(worst_error(to_array(du), combined(1, start, 1, once.du)), tolerance<T>(10));
}

SCALAR_TEST(SubspaceCodingRateTest, BatchEqualsOneByOneAndOrderOfTokensDoesNotMatter) {
  using T = TypeParam;
  Array const z = filled(1, {3, 8, 6}), u = filled(2, {6, 6});
  krate::SubspaceRateOptions const options{.eps_squared = 0.1, .heads = 2};
  auto const together = run_subspace_rate<T>(z, u, options);
  double const allowed = std::is_same_v<T, float> ? 1e-5 : 1e-12;
  for (std::size_t b = 0; b < 3; ++b) {
    Array const one = sample_of(z, b), mixed = permuted_rows(one);
    EXPECT_NEAR(run_subspace_rate<T>(one.reshaped({1, 8, 6}), u, options).rates(0), together.rates(b), allowed);
    EXPECT_NEAR(run_subspace_rate<T>(mixed.reshaped({1, 8, 6}), u, options).rates(0), together.rates(b), 10 * allowed);
  }
}

SCALAR_TEST(SubspaceCodingRateTest, ClosedFormForOrthonormalBasesOfOrthogonalTokens) {
  // Tokens are the rows of an orthonormal basis, subspaces any orthonormal split of it: W_k^T W_k = I_p.
  std::size_t const d = 6, heads = 3;
  Array const q = orthonormal(3, d), u = orthonormal(4, d);
  double const gamma = 2 / (6 * 0.1);
  auto const r = run_subspace_rate<TypeParam>(q.reshaped({1, d, d}), u, {.eps_squared = 0.1, .heads = heads});
  EXPECT_NEAR(r.rates(0), 0.5 * d * std::log(1 + gamma), (std::is_same_v<TypeParam, float> ? 1e-5 : 1e-12));
}

SCALAR_TEST(SubspaceCodingRateTest, EmptySizesAndNaN) {
  using T = TypeParam;
  Array const u = filled(2, {4, 4});
  krate::SubspaceRateOptions const options{.eps_squared = 0.1, .heads = 2};
  EXPECT_TRUE(same_bits(run_subspace_rate<T>(Array({2, 0, 4}), u, options).rates, Array({2})));
  EXPECT_EQ(run_subspace_rate<T>(Array({0, 3, 4}), u, options).rates.size(), 0u);
  Array z = filled(1, {3, 5, 4});
  z(1, 2, 3) = std::numeric_limits<double>::quiet_NaN();
  for (auto const route : routes()) {
    auto const r = run_subspace_rate<T>(z, u, {0.1, 2, route});
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_EQ(std::isnan(r.rates(b)), b == 1);
      EXPECT_EQ(std::isnan(r.dz(b, 0, 0)), b == 1);
    }
  }
}

SCALAR_TEST(SubspaceCodingRateTest, ConductAndRepetition) {
  using T = TypeParam;
  auto const z = view<T, 3>(filled(1, {4, 30, 12}));
  auto const u = view<T, 2>(filled(2, {12, 12})), du = view<T, 2>(Array({12, 12}));
  for (auto const route : routes()) {
    krate::SubspaceRateOptions const options{0.1, 3, route};
    Bench const bench(krate::subspace_coding_rate_workspace<T>(4, 30, 3, 4));
    Guarded<TestSpace, double, 1> rates(4);
    Guarded<TestSpace, T, 3> dz(4, 30, 12);
    auto const run = [&] {
      krate::subspace_coding_rate_gradient(bench.space, z, u, options, bench.work(), rates.view(), dz.view(), du);
    };
    expect_good_conduct(bench.space, run);
    Array const first = dz.array(), values = rates.array();
    run();
    EXPECT_TRUE(same_bits(dz.array(), first) && same_bits(rates.array(), values));
    EXPECT_TRUE(dz.intact() && rates.intact());
    bool const vendor = route != krate::Route::portable && has_vendor;
    krate::testing::Recording recording;
    run();
    EXPECT_EQ(recording.saw("krate::head_rates::solve[vendor]"), vendor);
    EXPECT_EQ(recording.saw("krate::head_rates::solve[portable]"), !vendor);
    EXPECT_EQ(recording.saw("krate::batched_gemm[vendor]"), vendor);
    EXPECT_EQ(recording.saw("krate::cholesky[vendor]"), vendor);
  }
}

SCALAR_TEST(SubspaceCodingRateTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  Array const z = filled(1, {2, 5, 4});
  EXPECT_ERROR(krate::ValueError, "krate::subspace_coding_rate_gradient: heads = 3, but it must be positive and divide",
               run_subspace_rate<T>(z, filled(2, {4, 4}), {.eps_squared = 1, .heads = 3}));
  EXPECT_ERROR(krate::ShapeError, "u has shape [4, 5], expected [4, 4] (dim is z.extent(2))",
               run_subspace_rate<T>(z, filled(2, {4, 5}), {.eps_squared = 1, .heads = 2}));
  EXPECT_ERROR(krate::ValueError, "krate::subspace_coding_rate: eps_squared = 0",
               run_subspace_rate<T>(z, filled(2, {4, 4}), {.heads = 2}, false));
}

}  // namespace
