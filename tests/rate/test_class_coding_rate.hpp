// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/runs.hpp"

namespace {

using krate::testing::rate_tolerance;

inline ClassRateResult oracle_class_rate(Array const& z, std::vector<int> const& labels, std::size_t classes,
                                         double eps_squared) {
  ClassRateResult r{0, Array({classes}), Array(z.shape)};
  double const n = static_cast<double>(z.extent(0));
  for (std::size_t k = 0; k < classes; ++k) {
    Array const part = rows_of_class(z, labels, static_cast<int>(k));
    if (part.extent(0) == 0) continue;
    double const alpha = alpha_of(part, eps_squared), share = static_cast<double>(part.extent(0)) / n;
    r.per_class(k) = oracle_rate(part, alpha);
    r.rate += share * r.per_class(k);
    Array const g = scaled(share, oracle_gradient(part, alpha));
    for (std::size_t i = 0, row = 0; i < labels.size(); ++i)
      if (labels[i] == static_cast<int>(k)) {
        for (std::size_t j = 0; j < z.extent(1); ++j) r.gradient(i, j) = g(row, j);
        ++row;
      }
  }
  return r;
}

inline std::vector<int> scattered_labels(std::size_t n, int classes) {
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i * i + i / 3) % classes;
  return labels;
}

template <class T>
struct ClassCodingRateTest : ::testing::Test {};
SCALAR_TESTS(ClassCodingRateTest, krate::testing::Scalars);

SCALAR_TEST(ClassCodingRateTest, HandCheckedCase) {
  // Two classes of one sample each in one dimension: alpha_k = 1 / eps^2 = 4.
  Array const z({2, 1}, {1, 0.5});
  auto const r = run_class_rate<TypeParam>(z, {1, 0}, {.eps_squared = 0.25, .classes = 2});
  EXPECT_NEAR(r.per_class(1), 0.5 * std::log(5.0), 1e-15);
  EXPECT_NEAR(r.per_class(0), 0.5 * std::log(2.0), 1e-15);
  EXPECT_NEAR(r.rate, 0.25 * std::log(10.0), 1e-15);
  EXPECT_LE(worst_error(r.gradient, Array({2, 1}, {2.0 / 5, 1.0 / 2})), tolerance<TypeParam>(1));
}

SCALAR_TEST(ClassCodingRateTest, MatchesPlainLoopsInEveryLayout) {
  using T = TypeParam;
  struct Size {
    std::size_t n, d;
    int classes;
  };
  // Classes longer and shorter than wide, one sample, one feature, more classes than samples, several tiles a class.
  for (Size const& s : {Size{1, 1, 1}, Size{1, 5, 2}, Size{40, 6, 3}, Size{20, 13, 4}, Size{9, 1, 2}, Size{5, 8, 11},
                        Size{420, 140, 2}, Size{330, 7, 50}})
    for (auto const route : {krate::Route::automatic, krate::Route::portable})
      for (Layout const layout : all_layouts) {
        if (s.d > 100 && layout != Layout::left) continue;  // plain loops are slow
        Array const z = rounded<T>(filled(1, {s.n, s.d}));
        auto const labels = scattered_labels(s.n, s.classes);
        krate::ClassRateOptions const options{0.2, static_cast<std::size_t>(s.classes), route};
        auto const r = run_class_rate<T>(z, labels, options, layout);
        auto const expected = oracle_class_rate(z, labels, options.classes, 0.2);
        double const allowed = std::is_same_v<T, float> && s.d > 64 ? 1e-5 : 1e-12;  // products in float
        ASSERT_NEAR(r.rate, expected.rate, allowed * std::max(1.0, expected.rate));
        ASSERT_LE(worst_error(r.per_class, expected.per_class), allowed);
        ASSERT_LE(worst_error(r.gradient, expected.gradient), std::max(rate_tolerance<T>, allowed))
            << s.n << " " << s.d << " " << s.classes;
        ASSERT_EQ(run_class_rate<T>(z, labels, options, layout, false).rate, r.rate);
      }
}

SCALAR_TEST(ClassCodingRateTest, GradientIsTheDerivative) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const z = filled(3, {14, 5});
    auto const labels = scattered_labels(14, 3);
    krate::ClassRateOptions const options{.eps_squared = 0.3, .classes = 3};
    auto const loss = [&](Array const& y) { return run_class_rate<double>(y, labels, options).rate; };
    EXPECT_LE(krate::testing::gradient_error(loss, z, run_class_rate<double>(z, labels, options).gradient), 1e-9);
  }
}

SCALAR_TEST(ClassCodingRateTest, EmptyClassesContributeExactlyNothing) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {12, 4}));
  std::vector<int> dense(12), sparse(12);
  for (int i = 0; i < 12; ++i) {
    dense[i] = i % 2;
    sparse[i] = i % 2 ? 5 : 3;
  }
  auto const a = run_class_rate<T>(z, dense, {.eps_squared = 0.1, .classes = 2});
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  auto const b = run_class_rate<T>(z, sparse, {.eps_squared = 0.1, .classes = 7});
  EXPECT_EQ(::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr(), "");  // LAPACK prints
  EXPECT_EQ(a.rate, b.rate);
  EXPECT_TRUE(same_bits(a.gradient, b.gradient));
  for (std::size_t const k : {0, 1, 2, 4, 6}) EXPECT_EQ(b.per_class(k), 0);
  EXPECT_EQ(b.per_class(3), a.per_class(0));
}

SCALAR_TEST(ClassCodingRateTest, OneClassIsTheWholeRate) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {15, 4}));
  auto const r = run_class_rate<T>(z, std::vector<int>(15, 0), {.eps_squared = 0.1, .classes = 1});
  double const whole = oracle_rate(z, alpha_of(z, 0.1));
  EXPECT_NEAR(r.rate, whole, 1e-12 * whole);
  EXPECT_EQ(r.per_class(0), r.rate);
}

SCALAR_TEST(ClassCodingRateTest, RateReductionIsNotNegative) {
  using T = TypeParam;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    for (int const classes : {1, 2, 5}) {
      Array const z = filled(seed, {21, 6});
      double const eps_squared = 0.02 * static_cast<double>(seed * seed);
      auto const labels = scattered_labels(21, classes);
      Bench const bench(krate::coding_rate_workspace(21, 6));
      Scalar0<double> const whole("krate::test");
      krate::coding_rate(bench.space, view<T, 2>(z), {.eps_squared = eps_squared}, bench.work(), whole);
      krate::ClassRateOptions const options{.eps_squared = eps_squared, .classes = static_cast<std::size_t>(classes)};
      EXPECT_GE(to_array(whole)(0) - run_class_rate<T>(z, labels, options).rate, -1e-12);
    }
}

SCALAR_TEST(ClassCodingRateTest, ClosedFormForClassesOnOrthogonalLines) {
  // Class k is n_k copies of unit vector k: R_k = 1/2 log(1 + d / eps^2).
  std::size_t const d = 4, n = 20;
  Array z({n, d});
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) z(i, static_cast<std::size_t>(labels[i] = static_cast<int>(i % d))) = 1;
  EXPECT_NEAR(run_class_rate<TypeParam>(z, labels, {.eps_squared = 0.1, .classes = d}).rate, 0.5 * std::log(41.0),
              1e-14);
}

SCALAR_TEST(ClassCodingRateTest, LabelsOutOfRangeGiveNaNAndTouchNothing) {
  using T = TypeParam;
  Array const z = filled(1, {10, 3});
  for (int const bad : {-1, 3, 1000000, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    auto labels = scattered_labels(10, 3);
    labels[4] = bad;
    auto const r = run_class_rate<T>(z, labels, {.eps_squared = 0.1, .classes = 3});
    EXPECT_TRUE(std::isnan(r.rate));
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t j = 0; j < 3; ++j) EXPECT_EQ(std::isnan(r.gradient(i, j)), i == 4);
    for (double const value : r.per_class.data) EXPECT_TRUE(std::isfinite(value));
  }
}

SCALAR_TEST(ClassCodingRateTest, NaNSpoilsItsClassOnly) {
  using T = TypeParam;
  Array z = filled(1, {12, 3});
  auto const labels = scattered_labels(12, 2);
  z(5, 1) = std::numeric_limits<double>::quiet_NaN();
  for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
    auto const r = run_class_rate<T>(z, labels, {0.1, 2, route});
    EXPECT_TRUE(std::isnan(r.rate));
    for (int k = 0; k < 2; ++k) EXPECT_EQ(std::isnan(r.per_class(k)), k == labels[5]);
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(std::isnan(r.gradient(i, 0)), labels[i] == labels[5]);
  }
}

SCALAR_TEST(ClassCodingRateTest, NothingGivesZero) {
  auto const none = run_class_rate<TypeParam>(Array({0, 4}), {}, {.eps_squared = 0.1, .classes = 3});
  EXPECT_EQ(none.rate, 0);
  EXPECT_TRUE(same_bits(none.per_class, Array({3})));
  EXPECT_EQ(run_class_rate<TypeParam>(Array({3, 0}), {0, 1, 1}, {.eps_squared = 0.1, .classes = 2}).rate, 0);
}

SCALAR_TEST(ClassCodingRateTest, ConductRoutesAndRepetition) {
  using T = TypeParam;
  auto const z = view<T, 2>(filled(1, {300, 12}));
  auto const labels = label_view(scattered_labels(300, 9));
  for (auto const route : routes()) {
    krate::ClassRateOptions const options{0.1, 9, route};
    Bench const bench(krate::class_coding_rate_workspace(300, 12, 9));
    Scalar0<double> const rate("krate::test");
    Guarded<TestSpace, double, 1> per_class(9);
    Guarded<TestSpace, T, 2> first(300, 12), second(300, 12);
    auto const run = [&](TestSpace const& space, auto const& gradient) {
      krate::class_coding_rate_gradient(space, z, labels, options, bench.work(), rate, per_class.view(),
                                        gradient.view());
    };
    expect_good_conduct(bench.space, [&] { run(bench.space, first); });
    double const value = to_array(rate)(0);
    run(one_thread(), second);
    EXPECT_EQ(to_array(rate)(0), value);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
    EXPECT_TRUE(first.intact() && per_class.intact());
    krate::testing::Recording recording;
    run(bench.space, first);
    bool const vendor = route != krate::Route::portable && has_vendor;
    for (std::string const step : {"gram", "factor", "solve"}) {
      EXPECT_EQ(recording.saw("krate::class_coding_rate::" + step + "[vendor]"), vendor);
      EXPECT_EQ(recording.saw("krate::class_coding_rate::" + step + "[portable]"), !vendor);
    }
  }
}

SCALAR_TEST(ClassCodingRateTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const z = view<T, 2>(filled(1, {6, 3}));
  Bench const bench(krate::class_coding_rate_workspace(6, 3, 2));
  Scalar0<double> const rate("krate::test");
  auto const two = view<double, 1>(Array({2}));
  auto const call = [&](std::size_t count, krate::ClassRateOptions const& options) {
    krate::class_coding_rate(bench.space, z, label_view(std::vector<int>(count, 0)), options, bench.work(), rate, two);
  };
  EXPECT_ERROR(krate::ValueError, "krate::class_coding_rate: eps_squared = -1, but it must be positive",
               call(6, {.eps_squared = -1, .classes = 2}));
  EXPECT_ERROR(krate::ValueError, "classes = 0, but it must be positive", call(6, {.eps_squared = 1}));
  EXPECT_ERROR(krate::ShapeError, "labels has shape [5], expected [6] (one a row of z)",
               call(5, {.eps_squared = 1, .classes = 2}));
  EXPECT_ERROR(krate::ShapeError, "per_class has shape [2], expected [3] (one number a class)",
               call(6, {.eps_squared = 1, .classes = 3}));
  krate::ClassRateOptions const options{.eps_squared = 1, .classes = 2};
  auto const wrong = view<T, 2>(filled(1, {6, 4}));
  EXPECT_ERROR(krate::ShapeError, "krate::class_coding_rate_gradient: gradient has shape [6, 4], expected [6, 3]",
               krate::class_coding_rate_gradient(bench.space, z, label_view(std::vector<int>(6, 0)), options,
                                                 bench.work(), rate, two, wrong));
}

}  // namespace
