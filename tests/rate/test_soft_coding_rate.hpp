// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/runs.hpp"

namespace {

using krate::testing::oracle_gradient;
using krate::testing::rate_tolerance;

template <class T>
struct SoftCodingRateTest : ::testing::Test {};
SCALAR_TESTS(SoftCodingRateTest, krate::testing::Scalars);

inline Array memberships_for(std::uint64_t seed, std::size_t samples, std::size_t classes) {
  Array pi = filled(seed, {samples, classes});
  for (double& p : pi.data) p = 0.05 + p * p;
  return pi;
}

// Rows sqrt(pi_ik) z_i have the moment Z^T Pi_k Z.
inline Array weighted_rows(Array z, Array const& pi, std::size_t k) {
  for (std::size_t i = 0; i < z.extent(0); ++i)
    for (std::size_t j = 0; j < z.extent(1); ++j) z(i, j) *= std::sqrt(pi(i, k));
  return z;
}

inline SoftResult oracle_soft(Array const& z, Array const& pi, double eps_squared) {
  std::size_t const n = z.extent(0), d = z.extent(1), classes = pi.extent(1);
  SoftResult r{0, Array({classes}), Array(z.shape), Array(pi.shape)};
  double const scale = static_cast<double>(d) / eps_squared, count = static_cast<double>(n);
  for (std::size_t k = 0; k < classes; ++k) {
    double weight = 0;
    for (std::size_t i = 0; i < n; ++i) weight += pi(i, k);
    Array const rows = weighted_rows(z, pi, k);
    double const alpha = weight > 0 ? scale / weight : 0;
    Array const inverse = krate::testing::inverse_of(krate::testing::rate_matrix(rows, alpha));
    r.per_class(k) = oracle_rate(rows, alpha);
    r.rate += weight / count * r.per_class(k);
    double trace = 0;
    for (std::size_t j = 0; j < d; ++j) trace += inverse(j, j);
    Array const y = product(z, inverse);
    for (std::size_t i = 0; i < n; ++i) {
      double inner = 0;
      for (std::size_t j = 0; j < d; ++j) {
        r.dz(i, j) += scale / count * pi(i, k) * y(i, j);
        inner += z(i, j) * y(i, j);
      }
      r.dmemberships(i, k) = (2 * r.per_class(k) + scale * inner - (static_cast<double>(d) - trace)) / (2 * count);
    }
  }
  return r;
}

SCALAR_TEST(SoftCodingRateTest, HandCheckedCase) {
  // One sample (2), half of it in one class: t = 1/2, alpha = 1 / (t eps^2) = 4, S = 1 + 4 * 1/2 * 4 = 9.
  auto const r = run_soft<TypeParam>(Array({1, 1}, {2}), Array({1, 1}, {0.5}), {.eps_squared = 0.5});
  EXPECT_NEAR(r.per_class(0), 0.5 * std::log(9.0), 1e-14);
  EXPECT_NEAR(r.rate, 0.25 * std::log(9.0), 1e-14);
  EXPECT_NEAR(r.dz(0, 0), 2 * 0.5 * 2 / 9.0, rate_tolerance<TypeParam>);
  EXPECT_NEAR(r.dmemberships(0, 0), (std::log(9.0) + 2 * 4 / 9.0 - 8 / 9.0) / 2, rate_tolerance<TypeParam>);
}

SCALAR_TEST(SoftCodingRateTest, MatchesPlainLoopsInEveryLayout) {
  using T = TypeParam;
  std::size_t const sizes[][3] = {{1, 1, 1}, {5, 3, 2}, {3, 7, 4}, {9, 9, 1}, {700, 4, 3}, {40, 5, 300}};
  for (auto const& s : sizes)
    for (auto const route : {krate::Route::automatic, krate::Route::portable})
      for (Layout const layout : all_layouts) {
        Array const z = rounded<T>(filled(1, {s[0], s[1]})), pi = rounded<T>(memberships_for(2, s[0], s[2]));
        auto const expected = oracle_soft(z, pi, 0.1);
        auto const r = run_soft<T>(z, pi, {0.1, route}, layout);
        ASSERT_NEAR(r.rate, expected.rate, 1e-12 * std::max(1.0, expected.rate)) << s[0] << " " << s[1] << " " << s[2];
        ASSERT_LE(worst_error(r.per_class, expected.per_class), 1e-12);
        ASSERT_LE(worst_error(r.dz, expected.dz), rate_tolerance<T>);
        ASSERT_LE(worst_error(r.dmemberships, expected.dmemberships), 10 * rate_tolerance<T>);
        ASSERT_EQ(run_soft<T>(z, pi, {0.1, route}, layout, false).rate, r.rate);
      }
}

SCALAR_TEST(SoftCodingRateTest, GradientsAreTheDerivatives) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const& s : {std::array<std::size_t, 3>{9, 4, 3}, {4, 6, 2}}) {
      Array const z = filled(3, {s[0], s[1]}), pi = memberships_for(4, s[0], s[2]);
      krate::SoftRateOptions const options{.eps_squared = 0.3};
      auto const r = run_soft<double>(z, pi, options);
      auto const of_z = [&](Array const& y) { return run_soft<double>(y, pi, options, Layout::right, false).rate; };
      auto const of_pi = [&](Array const& p) { return run_soft<double>(z, p, options, Layout::right, false).rate; };
      EXPECT_LE(krate::testing::gradient_error(of_z, z, r.dz), 1e-9);
      EXPECT_LE(krate::testing::gradient_error(of_pi, pi, r.dmemberships), 1e-8);  // memberships of 0.05 bend
    }
  }
}

SCALAR_TEST(SoftCodingRateTest, HessianProductsAreTheDerivativeOfTheGradient) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const& s : {std::array<std::size_t, 3>{9, 4, 3}, {4, 6, 2}, {600, 3, 2}}) {
      Array const z = filled(3, {s[0], s[1]}), pi = memberships_for(4, s[0], s[2]), d = filled(5, z.shape);
      krate::SoftRateOptions const options{.eps_squared = 0.3};
      auto const gradient = [&](double h) { return run_soft<double>(combined(1, z, h, d), pi, options).dz; };
      double const h = 1e-3;
      Array const near = combined(1, gradient(h), -1, gradient(-h)),
                  far = combined(1, gradient(2 * h), -1, gradient(-2 * h));
      Array const expected = combined(8 / (12 * h), near, -1 / (12 * h), far);
      Array const product = run_soft_hessian<double>(z, pi, options, d);
      EXPECT_LE(worst_error(product, expected), 1e-8);
      // A symmetric map: <D', H D> = <D, H D'>
      Array const other = filled(6, z.shape);
      EXPECT_NEAR(krate::testing::dot(other, product),
                  krate::testing::dot(d, run_soft_hessian<double>(z, pi, options, other)), 1e-12);
    }
  }
}

SCALAR_TEST(SoftCodingRateTest, ZeroAndOneAreHardLabels) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {12, 5}));
  std::vector<int> labels(12);
  Array pi({12, 4});
  for (std::size_t i = 0; i < 12; ++i) pi(i, labels[i] = static_cast<int>(i * i % 3)) = 1;  // class 2 and 3 stay empty
  auto const soft = run_soft<T>(z, pi, {.eps_squared = 0.2});
  auto const hard = run_class_rate<T>(z, labels, {.eps_squared = 0.2, .classes = 4});
  EXPECT_NEAR(soft.rate, hard.rate, 1e-12);
  EXPECT_LE(worst_error(soft.per_class, hard.per_class), 1e-12);
  EXPECT_LE(worst_error(soft.dz, hard.gradient), rate_tolerance<T>);
  EXPECT_EQ(soft.per_class(3), 0);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_TRUE(std::isnan(soft.dmemberships(i, 3)));  // one-sided derivatives only
    EXPECT_FALSE(std::isnan(soft.dmemberships(i, 0)));
  }
}

SCALAR_TEST(SoftCodingRateTest, IsConcaveInTheMemberships) {
  Array const z = filled(1, {10, 4}), a = memberships_for(2, 10, 2), b = memberships_for(3, 10, 2);
  auto const rate = [&](Array const& pi) { return run_soft<TypeParam>(z, pi, {.eps_squared = 0.2}).rate; };
  EXPECT_GE(rate(combined(0.5, a, 0.5, b)), 0.5 * rate(a) + 0.5 * rate(b));
  EXPECT_NEAR(rate(combined(3, a, 0, a)), 3 * rate(a), 1e-5);  // homogeneous of degree one
}

SCALAR_TEST(SoftCodingRateTest, ExtremesAndNothing) {
  using T = TypeParam;
  for (double const scale : {1e-6, 1e6})
    for (double const eps_squared : {1e-6, 1e6}) {
      Array z = filled(1, {9, 6});
      for (std::size_t i = 0; i < 9; ++i)
        for (std::size_t j = 0; j < 6; ++j) z(i, j) = scale * z(i % 2, j);  // rank 2
      auto const r = run_soft<T>(z, memberships_for(2, 9, 3), {.eps_squared = eps_squared});
      EXPECT_GE(r.rate, 0);
      for (double const g : r.dz.data) EXPECT_TRUE(std::isfinite(g));
    }
  EXPECT_EQ(run_soft<T>(Array({0, 3}), Array({0, 2}), {.eps_squared = 1}).rate, 0);
  EXPECT_EQ(run_soft<T>(Array({4, 3}), memberships_for(2, 4, 2), {.eps_squared = 1}).rate, 0);
  Array bad = memberships_for(2, 4, 2);
  bad(1, 0) = -0.5;
  EXPECT_TRUE(std::isnan(run_soft<T>(filled(1, {4, 3}), bad, {.eps_squared = 1}).rate));
}

SCALAR_TEST(SoftCodingRateTest, ConductAndRepetition) {
  using T = TypeParam;
  Array const z = filled(1, {600, 8}), pi = memberships_for(2, 600, 3);
  for (auto const route : routes()) {
    auto const first = run_soft<T>(z, pi, {0.1, route}), second = run_soft<T>(z, pi, {0.1, route});
    EXPECT_EQ(first.rate, second.rate);
    EXPECT_TRUE(same_bits(first.dz, second.dz));
    EXPECT_TRUE(same_bits(first.dmemberships, second.dmemberships));
    Bench const bench(krate::coding_rate_hessian_workspace<T>(600, 8) +
                      krate::soft_class_coding_rate_gradient_workspace(600, 8, 3) +
                      krate::class_coding_rate_hessian_workspace<T>(600, 8, 3));
    Scalar0<double> const rate("krate::test");
    Guarded<TestSpace, double, 1> per_class(3);
    Guarded<TestSpace, T, 2> dz(600, 8), dpi(600, 3);
    auto const vz = view<T, 2>(z), vpi = view<T, 2>(pi), direction = view<T, 2>(filled(3, {600, 8}));
    auto const labels = label_view(std::vector<int>(600, 1));
    expect_good_conduct(bench.space, [&] {
      krate::soft_class_coding_rate_gradient(bench.space, vz, vpi, {0.1, route}, bench.work(), rate, per_class.view(),
                                             dz.view(), dpi.view());
      krate::coding_rate_hessian_product(bench.space, vz, {0.1, route}, direction, bench.work(), dz.view());
      krate::class_coding_rate_hessian_product(bench.space, vz, labels, {0.1, 3, route}, direction, bench.work(),
                                               dz.view());
    });
    EXPECT_TRUE(per_class.intact() && dz.intact() && dpi.intact());
  }
}

SCALAR_TEST(SoftCodingRateTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const z = view<T, 2>(filled(1, {4, 3})), pi = view<T, 2>(memberships_for(2, 4, 2)),
             short_pi = view<T, 2>(memberships_for(2, 3, 2));
  Bench const bench(krate::soft_class_coding_rate_hessian_workspace(4, 3, 2));
  Scalar0<double> const rate("krate::test");
  Guarded<TestSpace, double, 1> per_class(2), three(3);
  EXPECT_ERROR(krate::ShapeError, "memberships has shape [3, 2], expected [4, 2]",
               krate::soft_class_coding_rate(bench.space, z, short_pi, {.eps_squared = 1}, bench.work(), rate,
                                             per_class.view()));
  EXPECT_ERROR(krate::ShapeError, "per_class has shape [3], expected [2]",
               krate::soft_class_coding_rate(bench.space, z, pi, {.eps_squared = 1}, bench.work(), rate, three.view()));
  EXPECT_ERROR(
      krate::ValueError, "eps_squared = 0",
      krate::soft_class_coding_rate(bench.space, z, pi, {.eps_squared = 0}, bench.work(), rate, per_class.view()));
  EXPECT_ERROR(
      krate::ShapeError, "direction has shape [4, 2], expected [4, 3]",
      krate::soft_class_coding_rate_hessian_product(bench.space, z, pi, {.eps_squared = 1}, pi, bench.work(), z));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::soft_class_coding_rate(bench.space, z, pi, {.eps_squared = 1}, krate::Workspace<TestSpace>(),
                                             rate, per_class.view()));
}

}  // namespace
