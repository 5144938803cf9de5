// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finite samples of any scale have a rate that is a number and not negative, and small rates keep their digits.
#pragma once

#include "krate/rate/checked_rate.hpp"
#include "krate/rate/rate_accumulator.hpp"
#include "rate/runs.hpp"

namespace {

using krate::testing::orthonormal;

template <class T>
struct RateExtremesTest : ::testing::Test {};
SCALAR_TESTS(RateExtremesTest, krate::testing::Scalars);

inline Array scaled_by(double factor, Array z) {
  for (double& v : z.data) v *= factor;
  return z;
}

// rows a_i u_p with p = i mod `rank`, the u_p orthonormal: R = sum_p 1/2 log(1 + alpha sum a_i^2).
inline Array of_rank(std::size_t rank, std::size_t rows, std::size_t dim) {
  Array const basis = orthonormal(5, dim);
  Array z({rows, dim});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < dim; ++j) z(i, j) = (1 + 0.1 * static_cast<double>(i)) * basis(i % rank, j);
  return z;
}
inline double rate_of_rank(std::size_t rank, std::size_t rows, std::size_t dim, double scale, double eps_squared) {
  double rate = 0;
  for (std::size_t p = 0; p < rank; ++p) {
    double squares = 0;
    for (std::size_t i = p; i < rows; i += rank) squares += std::pow(scale * (1 + 0.1 * static_cast<double>(i)), 2);
    rate += 0.5 * std::log1p(static_cast<double>(dim) / (static_cast<double>(rows) * eps_squared) * squares);
  }
  return rate;
}

SCALAR_TEST(RateExtremesTest, SmallRatesKeepTheirDigits) {
  using T = TypeParam;
  double const accuracy = std::is_same_v<T, double> ? 1e-13 : 1e-6;
  for (auto const& shape : {std::vector<std::size_t>{12, 5}, {5, 12}, {1, 7}}) {
    Array const z = scaled_by(1e-9, filled(2, shape));
    double const alpha = alpha_of(z, 0.5),
                 expected = 0.5 * alpha * krate::testing::dot(z, z);  // next term: 1e-18 of it
    for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
      EXPECT_NEAR(run_rate_value<T>(z, {.eps_squared = 0.5, .route = route}) / expected, 1, accuracy);
      std::vector<int> const one_class(shape[0], 0);
      auto const parts = run_class_rate<T>(z, one_class, {.eps_squared = 0.5, .classes = 1, .route = route});
      EXPECT_NEAR(parts.rate / expected, 1, accuracy);
    }
  }
}

SCALAR_TEST(RateExtremesTest, ExtremeScalesOfDeficientRankKeepSixDigits) {
  using T = TypeParam;
  for (auto const& shape : {std::vector<std::size_t>{40, 9}, {9, 40}, {9, 9}})
    for (double const scale : {1e-6, 1.0, 1e3, 1e6})
      for (double const eps_squared : {1e-6, 1.0, 1e6})
        for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
          SCOPED_TRACE(std::to_string(shape[0]) + " x " + std::to_string(shape[1]) + ", scale " +
                       std::to_string(scale) + ", eps_squared " + std::to_string(eps_squared));
          Array const z = scaled_by(scale, of_rank(3, shape[0], shape[1]));
          double const expected = rate_of_rank(3, shape[0], shape[1], scale, eps_squared);
          // In float the rows are not of rank 3 to more than 1e-7 of their length: only that the rate is a number.
          double const allowed =
              std::is_same_v<T, double> ? 1e-6 * std::max(expected, 1e-30) : std::numeric_limits<double>::infinity();
          krate::RateOptions const options{.eps_squared = eps_squared, .route = route};
          auto const whole = run_rate<T>(view<T, 2>(z), options);
          EXPECT_GE(whole.rate, 0);
          EXPECT_LE(std::abs(whole.rate - expected), allowed);
          for (double const g : whole.gradient.data) ASSERT_TRUE(std::isfinite(g));

          std::vector<int> labels(shape[0]);
          for (std::size_t i = 0; i < shape[0]; ++i) labels[i] = static_cast<int>(i % 3);
          auto const parts = run_class_rate<T>(z, labels, {eps_squared, 4, route});
          EXPECT_GE(parts.rate, 0);
          for (double const g : parts.gradient.data) ASSERT_TRUE(std::isfinite(g));

          krate::RateAccumulator<TestSpace, T> moments(TestSpace(), {}, {shape[1], eps_squared, route});
          moments.add(TestSpace(), view<T, 2>(z));
          double const of_moments = moments.result(TestSpace());
          EXPECT_GE(of_moments, 0);
          EXPECT_TRUE(std::isfinite(of_moments));
        }
}

// The gradient at a rank-one sample set a u^T is alpha a u^T / (1 + alpha |a|^2). At larger scales the rounding of z
// itself changes it by more than its length: its condition is 1 + alpha |a|^2.
SCALAR_TEST(RateExtremesTest, GradientsKeepTheirDigits) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    std::size_t const n = 30, d = 8;
    for (double const scale : {1e-6, 1.0, 10.0})
      for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
        Array const z = scaled_by(scale, of_rank(1, n, d));
        double const alpha = alpha_of(z, 1e-3);
        double const factor = alpha / (1 + alpha * krate::testing::dot(z, z));
        auto const r = run_rate<double>(view<double, 2>(z), {.eps_squared = 1e-3, .route = route});
        EXPECT_LE(worst_error(r.gradient, scaled_by(factor, z)), 1e-6) << scale;
      }
  }
}

SCALAR_TEST(RateExtremesTest, NothingButZerosHasTheRateZero) {
  for (auto const& shape : {std::vector<std::size_t>{6, 3}, {3, 6}, {1, 1}}) {
    Array const z(shape);
    for (double const eps_squared : {1e-6, 1.0, 1e6}) {
      EXPECT_EQ(run_rate_value<TypeParam>(z, {.eps_squared = eps_squared}), 0);
      std::vector<int> const labels(shape[0], 1);
      EXPECT_EQ(run_class_rate<TypeParam>(z, labels, {.eps_squared = eps_squared, .classes = 2}).rate, 0);
    }
  }
}

SCALAR_TEST(RateExtremesTest, TheFirstBadEntryIsNamed) {
  using T = TypeParam;
  auto const run = [](Array const& z, Layout layout) {
    TestSpace const space;
    auto const v = laid_out<T>(z, layout);
    Bench const bench(krate::coding_rate_workspace(z.extent(0), z.extent(1)));
    Scalar0<double> const rate("krate::test");
    krate::coding_rate(bench.space, v, {.eps_squared = 0.1}, bench.work(), rate);
    return krate::checked_rate(bench.space, "program", rate, v);
  };
  for (Layout const layout : all_layouts) {
    Array z = filled(1, {40, 6});
    EXPECT_GT(run(z, layout), 0);
    z(31, 2) = std::numeric_limits<double>::infinity();
    z(31, 4) = z(39, 0) = std::numeric_limits<double>::quiet_NaN();
    EXPECT_ERROR(krate::NumericalError, "program: z(31, 2) is NaN or infinite, expected finite numbers",
                 run(z, layout));
  }
  if constexpr (std::is_same_v<T, double>) {
    EXPECT_ERROR(krate::NumericalError, "though all samples are finite",
                 run(Array({2, 2}, {1e200, 1, 1, 1}), Layout::right));
  }
}

}  // namespace
