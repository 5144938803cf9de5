// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Float samples whose products are float on a host with BLAS: accuracy, and where they are done in double after all.
#pragma once

#include "rate/runs.hpp"

namespace {

using krate::testing::Recording;

inline bool saw(Recording const& recording, std::string const& step) {
  return recording.saw("krate::coding_rate::" + step + "[float]") ||
         recording.saw("krate::class_coding_rate::" + step + "[float]");
}

inline std::vector<int> in_turn(std::size_t n, int classes) {
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i) % classes;
  return labels;
}

/// Rows of about unit length.
inline Array of_unit_length(std::size_t n, std::size_t d) {
  Array z = filled(1, {n, d});
  for (double& v : z.data) v *= std::sqrt(3.0 / static_cast<double>(d));
  return rounded<float>(z);
}

template <class T>
struct FloatRatesTest : ::testing::Test {};
SCALAR_TESTS(FloatRatesTest, krate::testing::OnlyFloat);

SCALAR_TEST(FloatRatesTest, KeepFiveDigitsOfWellScaledSamples) {
  // Inverse and triangular products, both sides, and more rows than a piece.
  std::size_t const sizes[][2] = {{300, 80}, {190, 100}, {80, 300}, {2100, 66}};
  for (auto const& s : sizes)
    for (Layout const layout : {Layout::right, Layout::left})
      for (double const eps_squared : {0.1, 0.5, 100.0}) {
        SCOPED_TRACE(std::to_string(s[0]) + " x " + std::to_string(s[1]) + ", " + std::to_string(eps_squared));
        Array const z = of_unit_length(s[0], s[1]);
        Recording recording;
        auto const r = run_rate<float>(laid_out<float>(z, layout), {.eps_squared = eps_squared}, layout);
        EXPECT_EQ(saw(recording, "gram"), has_vendor);
        EXPECT_EQ(saw(recording, "gradient"), has_vendor);
        auto const exact = run_rate<double>(view<double, 2>(z), {.eps_squared = eps_squared});
        EXPECT_NEAR(r.rate, exact.rate, 1e-6 * exact.rate);
        EXPECT_LE(worst_error(r.gradient, exact.gradient), 1e-5);
        EXPECT_EQ(run_rate_value<float>(laid_out<float>(z, layout), {.eps_squared = eps_squared}), r.rate);
      }
}

SCALAR_TEST(FloatRatesTest, KeepFiveDigitsOfWellScaledClasses) {
  for (int const classes : {2, 7}) {  // longer than wide, and shorter
    Array const z = of_unit_length(400, 90);
    auto const labels = in_turn(400, classes);
    auto const run = [&](krate::Route route) {
      return run_class_rate<float>(z, labels, {0.5, static_cast<std::size_t>(classes), route});
    };
    auto const exact = run(krate::Route::portable);
    Recording recording;
    auto const r = run(krate::Route::automatic);
    for (char const* step : {"gram", "factor", "product"}) EXPECT_EQ(saw(recording, step), has_vendor) << step;
    EXPECT_NEAR(r.rate, exact.rate, 1e-6 * exact.rate);
    EXPECT_LE(worst_error(r.per_class, exact.per_class), 1e-6);
    EXPECT_LE(worst_error(r.gradient, exact.gradient), 1e-5);
  }
}

SCALAR_TEST(FloatRatesTest, BadlyScaledSamplesAreDoneInDouble) {
  Array copies({300, 80}), large = filled(1, {300, 80}), low = filled(2, {300, 80});
  for (std::size_t i = 0; i < copies.size(); ++i) {
    copies.data[i] = 1 + 0.01 * static_cast<double>(i % 80);  // all rows are the same
    large.data[i] *= 1e25;                                    // whose squares float cannot hold
  }
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 2; j < 80; ++j) low(i, j) = low(i, j % 2) * static_cast<double>(j);  // of rank 2
  for (Array const& samples : {copies, large, low}) {
    Array const z = rounded<float>(samples);
    Recording recording;
    krate::RateOptions options{.eps_squared = 0.5};
    auto const r = run_rate<float>(view<float, 2>(z), options);
    krate::ClassRateOptions parts_of{0.5, 2};
    auto const parts = run_class_rate<float>(z, in_turn(300, 2), parts_of);
    EXPECT_FALSE(saw(recording, "gradient"));
    EXPECT_FALSE(saw(recording, "product"));
    options.route = parts_of.route = krate::Route::portable;
    auto const exact = run_rate<float>(view<float, 2>(z), options);
    EXPECT_TRUE(std::isfinite(exact.rate));
    EXPECT_NEAR(r.rate, exact.rate, 1e-8 * exact.rate);
    EXPECT_LE(worst_error(r.gradient, exact.gradient), 1e-5);
    auto const exact_parts = run_class_rate<float>(z, in_turn(300, 2), parts_of);
    EXPECT_NEAR(parts.rate, exact_parts.rate, 1e-8 * exact_parts.rate);
    EXPECT_LE(worst_error(parts.gradient, exact_parts.gradient), 1e-5);
  }
}

// Between the two: whatever the rank and the distortion, five digits.
SCALAR_TEST(FloatRatesTest, KeepFiveDigitsOfAnyRank) {
  std::size_t const n = 300, d = 80;
  for (std::size_t const rank : {1, 3, 10, 30, 60})
    for (double const eps_squared : {1e-3, 0.1, 0.5, 10.0}) {
      SCOPED_TRACE(std::to_string(rank) + ", " + std::to_string(eps_squared));
      Array const z = rounded<float>(product(filled(1, {n, rank}), filled(2, {rank, d})));
      auto const r = run_rate<float>(view<float, 2>(z), {.eps_squared = eps_squared});
      auto const exact = run_rate<double>(view<double, 2>(z), {.eps_squared = eps_squared});
      EXPECT_NEAR(r.rate, exact.rate, 1e-5 * exact.rate);
      EXPECT_LE(worst_error(r.gradient, exact.gradient), 1e-5);
    }
}

SCALAR_TEST(FloatRatesTest, NaNStaysInItsClass) {
  Array z = filled(1, {200, 70});
  z(5, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(run_rate<float>(view<float, 2>(z), {.eps_squared = 0.1}).rate));
  auto const r = run_class_rate<float>(z, in_turn(200, 2), {.eps_squared = 0.1, .classes = 2});
  EXPECT_TRUE(std::isfinite(r.per_class(0)) && std::isnan(r.per_class(1)) && std::isnan(r.rate));
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(std::isnan(r.gradient(i, 0)), i % 2 == 1);
}

SCALAR_TEST(FloatRatesTest, ConductAndRepetition) {
  std::size_t const n = 400, d = 70, classes = 3;
  auto const z = view<float, 2>(of_unit_length(n, d));
  auto const labels = label_view(in_turn(n, 3));
  Bench const bench(krate::coding_rate_gradient_workspace(n, d) + krate::class_coding_rate_workspace(n, d, classes));
  Scalar0<double> const rate("krate::test"), parts("krate::test");
  Guarded<TestSpace, double, 1> per_class(classes);
  Guarded<TestSpace, float, 2> first(n, d), second(n, d);
  auto const call = [&](TestSpace const& space) {
    krate::coding_rate_gradient(space, z, {.eps_squared = 0.1}, bench.work(), rate, first.view());
    krate::class_coding_rate_gradient(space, z, labels, {.eps_squared = 0.1, .classes = classes}, bench.work(), parts,
                                      per_class.view(), second.view());
  };
  expect_good_conduct(bench.space, [&] { call(bench.space); });
  EXPECT_TRUE(first.intact() && second.intact() && per_class.intact());
  auto const whole = first.array(), by_class = second.array();
  double const values[] = {to_array(rate)(0), to_array(parts)(0)};
  Recording recording;
  call(bench.space);
  EXPECT_EQ(saw(recording, "gradient") && saw(recording, "product"), has_vendor);
  EXPECT_TRUE(same_bits(first.array(), whole) && same_bits(second.array(), by_class));
  EXPECT_EQ(to_array(rate)(0), values[0]);
  EXPECT_EQ(to_array(parts)(0), values[1]);
}

}  // namespace
