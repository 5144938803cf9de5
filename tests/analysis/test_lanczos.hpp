// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/lanczos.hpp"
#include "krate/linalg/gemm.hpp"
#include "support/checks.hpp"
#include "support/matrix_oracle.hpp"

namespace {

template <class T>
struct LanczosTest : ::testing::Test {
  using Given = krate::ConstVector<double, TestSpace>;
  using Written = krate::Vector<double, TestSpace>;

  static krate::analysis::LanczosResult run(Array const& matrix, krate::analysis::LanczosOptions const& options) {
    TestSpace const space;
    auto const a = view<double, 2>(matrix);
    std::size_t const n = matrix.extent(0);
    return krate::analysis::largest_eigenvalues<TestSpace>(space, n, options, [&](Given x, Written y) {
      krate::gemm(space, "N", "N", 1, a, krate::ConstMatrix<double, TestSpace>(x.data(), n, 1), 0,
                  krate::Matrix<double, TestSpace>(y.data(), n, 1));
    });
  }
  /// Second differences on a line: eigenvalues 2 - 2 cos(pi j / (n + 1)).
  static Array line(std::size_t n) {
    Array a({n, n});
    for (std::size_t i = 0; i < n; ++i) {
      a(i, i) = 2;
      if (i > 0) a(i, i - 1) = a(i - 1, i) = -1;
    }
    return a;
  }
};
SCALAR_TESTS(LanczosTest, krate::testing::OnlyDouble);

SCALAR_TEST(LanczosTest, TopOfAKnownSpectrum) {
  std::size_t const n = 60;
  auto const found = this->run(this->line(n), {.count = 3});
  ASSERT_TRUE(found.converged);
  ASSERT_EQ(found.values.size(), 3u);
  EXPECT_LE(found.products, n);
  double const pi = std::acos(-1.0);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(found.values[i], 2 - 2 * std::cos(pi * static_cast<double>(n - i) / static_cast<double>(n + 1)), 1e-11);
    EXPECT_LE(found.residuals[i], 4e-10);
  }
}

SCALAR_TEST(LanczosTest, SmallAndDegenerateOperators) {
  auto const one = this->run(Array({1, 1}, {-3}), {});
  EXPECT_TRUE(one.converged);
  EXPECT_EQ(one.values.size(), 1u);
  EXPECT_NEAR(one.values[0], -3, 1e-15);
  EXPECT_NEAR(this->run(Array({4, 4}), {}).values[0], 0, 1e-15);
  Array identity({5, 5});  // one eigenvalue, found once
  for (std::size_t i = 0; i < 5; ++i) identity(i, i) = 2;
  auto const found = this->run(identity, {.count = 3});
  EXPECT_TRUE(found.converged);
  ASSERT_EQ(found.values.size(), 1u);
  EXPECT_NEAR(found.values[0], 2, 1e-14);
}

SCALAR_TEST(LanczosTest, SaysWhenItGaveUpAndRepeatsToTheBit) {
  auto const first = this->run(this->line(200), {.most_products = 12}),
             second = this->run(this->line(200), {.most_products = 12});
  EXPECT_FALSE(first.converged);
  EXPECT_EQ(first.products, 12u);
  EXPECT_EQ(first.values, second.values);
  EXPECT_GT(first.residuals[0], 1e-6);
  auto const other = this->run(this->line(200), {.most_products = 12, .seed = krate::Seed{9}});
  EXPECT_NE(first.values, other.values);
}

SCALAR_TEST(LanczosTest, RefusesBadInput) {
  EXPECT_ERROR(krate::ValueError, "krate::analysis::largest_eigenvalues: count = 5, but it must be from 1 to the order",
               this->run(this->line(4), {.count = 5}));
  EXPECT_ERROR(krate::ValueError, "most_products = 1, but it must be at least count",
               this->run(this->line(4), {.count = 2, .most_products = 1}));
  Array spoilt = this->line(4);
  spoilt(2, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_ERROR(krate::NumericalError, "is not finite (NaN in the operator", this->run(spoilt, {}));
}

}  // namespace
