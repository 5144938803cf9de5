// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/regularised_runs.hpp"

namespace {

using krate::testing::rate_tolerance;

template <class T>
struct RegularisedRateTest : ::testing::Test {
  Array const z = rounded<T>(filled(21, {11, 4}));
  std::vector<int> const labels = {2, 0, 1, 1, 0, 2, 2, 2, 0, 1, 2};
  krate::RegularisedRateOptions const options{.eps_squared = 0.5, .lambda = 0.1, .classes = 3};

  static double oracle(Array const& z, std::vector<int> const& labels, krate::RegularisedRateOptions const& options) {
    double const n = static_cast<double>(z.extent(0)), scale = static_cast<double>(z.extent(1)) / options.eps_squared;
    double value = krate::testing::oracle_rate(z, scale / n) - 0.5 * options.lambda * krate::testing::dot(z, z);
    for (std::size_t k = 0; k < options.classes; ++k) {
      Array const part = krate::testing::rows_of_class(z, labels, static_cast<int>(k));
      double const count = static_cast<double>(part.extent(0));
      if (count > 0) value -= count / n * krate::testing::oracle_rate(part, scale / count);
    }
    return value;
  }
};
SCALAR_TESTS(RegularisedRateTest, krate::testing::Scalars);

SCALAR_TEST(RegularisedRateTest, MatchesPlainLoopsInEachLayout) {
  using T = TypeParam;
  double const expected = this->oracle(this->z, this->labels, this->options);
  auto const first = run_regularised<T>(this->z, this->labels, this->options);
  for (auto const layout : all_layouts) {
    auto const found = run_regularised<T>(this->z, this->labels, this->options, layout);
    EXPECT_NEAR(found.rate, expected, 1e-13);
    EXPECT_LE(worst_error(found.gradient, first.gradient), rate_tolerance<T>);
    EXPECT_EQ(run_regularised<T>(this->z, this->labels, this->options, layout, false).rate, found.rate);
  }
}

SCALAR_TEST(RegularisedRateTest, DerivativesByFivePoints) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto const loss = [&](Array const& at) { return this->oracle(at, this->labels, this->options); };
    EXPECT_LE(krate::testing::gradient_error(loss, this->z,
                                             run_regularised<double>(this->z, this->labels, this->options).gradient),
              1e-7);
    // The derivative of the gradient along D is H D.
    std::size_t const size = this->z.size();
    Array const directions = filled(31, {2, size});
    Array const products = run_regularised_hessian<double>(this->z, this->labels, this->options, directions);
    Array const weights = filled(32, {size});
    for (std::size_t row = 0; row < 2; ++row) {
      Array direction(this->z.shape), product({size});
      std::copy_n(directions.data.begin() + static_cast<std::ptrdiff_t>(row * size), size, direction.data.begin());
      std::copy_n(products.data.begin() + static_cast<std::ptrdiff_t>(row * size), size, product.data.begin());
      auto const slope = [&](double s) {
        Array const at = combined(1, this->z, s, direction);
        return krate::testing::dot(run_regularised<double>(at, this->labels, this->options).gradient, weights);
      };
      double const h = 1e-3, numeric = (8 * (slope(h) - slope(-h)) - (slope(2 * h) - slope(-2 * h))) / (12 * h);
      EXPECT_NEAR(numeric, krate::testing::dot(product, weights), 1e-7);
    }
  }
}

SCALAR_TEST(RegularisedRateTest, EdgesAndTheReductionWithoutPenalty) {
  using T = TypeParam;
  auto plain = this->options;
  plain.lambda = 0;
  double const whole = run_rate_value<T>(this->z, {.eps_squared = 0.5});
  double const parts = run_class_rate<T>(this->z, this->labels, {.eps_squared = 0.5, .classes = 3}).rate;
  EXPECT_NEAR(run_regularised<T>(this->z, this->labels, plain).rate, whole - parts, 1e-14);
  EXPECT_EQ(run_regularised<T>(Array({0, 4}), {}, this->options).rate, 0);
  Array const one = rounded<T>(filled(22, {1, 4}));  // a lone sample: R = R^c
  EXPECT_NEAR(run_regularised<T>(one, {1}, this->options).rate, -0.05 * krate::testing::dot(one, one), 1e-14);
  EXPECT_TRUE(std::isnan(run_regularised<T>(one, {3}, this->options).rate));
}

SCALAR_TEST(RegularisedRateTest, RepeatsToTheBitAndBehaves) {
  using T = TypeParam;
  auto const first = run_regularised<T>(this->z, this->labels, this->options),
             second = run_regularised<T>(this->z, this->labels, this->options);
  EXPECT_EQ(first.rate, second.rate);
  EXPECT_TRUE(same_bits(first.gradient, second.gradient));
  Bench const bench(krate::regularised_rate_workspace<T>(11, 4, 3));
  Scalar0<double> const value("krate::test");
  auto const z = view<T, 2>(this->z), gradient = view<T, 2>(Array({11, 4}));
  auto const labels = label_view(this->labels);
  expect_good_conduct(bench.space, [&] {
    krate::regularised_rate_gradient(bench.space, z, labels, this->options, bench.work(), value, gradient);
  });
  Bench const second_order(krate::regularised_rate_hessian_workspace<T>(11, 4, 3));
  expect_good_conduct(second_order.space, [&] {
    krate::regularised_rate_hessian_product(second_order.space, z, labels, this->options, z, second_order.work(),
                                            gradient);
  });
}

SCALAR_TEST(RegularisedRateTest, RefusesBadOptions) {
  using T = TypeParam;
  auto options = this->options;
  options.lambda = -1;
  EXPECT_ERROR(krate::ValueError,
               "krate::regularised_rate_gradient: lambda = -1, but it must be finite and not negative",
               run_regularised<T>(this->z, this->labels, options));
  options = this->options;
  options.gamma_1 = 0;
  EXPECT_ERROR(krate::ValueError, "gamma_1 = 0, but it must be positive",
               run_regularised<T>(this->z, this->labels, options));
  options = this->options;
  options.eps_squared = 0;
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0, but it must be positive",
               run_regularised<T>(this->z, this->labels, options));
  EXPECT_ERROR(krate::ShapeError, "labels has shape [2], expected [11]",
               run_regularised<T>(this->z, {0, 1}, this->options));
}

}  // namespace
