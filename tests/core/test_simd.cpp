// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tile operations of hosts: each form, against scalars.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/impl/simd.hpp"

namespace {

namespace simd = krate::impl::simd;

template <class T>
struct SimdTest : ::testing::Test {
  static constexpr int w = simd::width<T>;
  T a[w], b[w];
  void SetUp() override {
    for (int i = 0; i < w; ++i) a[i] = static_cast<T>(i * i - 3), b[i] = static_cast<T>(5 - i);
  }
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SimdTest, Scalars);

TYPED_TEST(SimdTest, SumsOfBothFormsAreThoseOfScalars) {
  using T = TypeParam;
  T expected = 0;
  for (T const x : this->a) expected += x;
  EXPECT_EQ(simd::sum<T>(simd::load(this->a)), expected);
  EXPECT_EQ(simd::sum_portable<T>(simd::load(this->a)), expected);
}

TYPED_TEST(SimdTest, LargerLaneByLane) {
  using T = TypeParam;
  T largest[SimdTest<T>::w];
  simd::store(largest, simd::max(simd::load(this->a), simd::load(this->b)));
  for (int i = 0; i < SimdTest<T>::w; ++i) EXPECT_EQ(largest[i], std::max(this->a[i], this->b[i]));
}

TYPED_TEST(SimdTest, PowersOfTwoKeepTheirPrecisionOverTheWholeRange) {
  using T = TypeParam;
  int const lowest = std::numeric_limits<T>::min_exponent, highest = std::numeric_limits<T>::max_exponent - 1;
  double worst = 0;
  for (int i = 0; i <= 20000; ++i) {
    auto const x = static_cast<T>(lowest + (highest - lowest) * (i / 20000.0));
    T y[SimdTest<T>::w];
    simd::store(y, simd::exp2<T>(simd::broadcast(x)));
    long double const exact = std::exp2(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::abs((static_cast<long double>(y[0]) - exact) / exact)));
  }
  EXPECT_LE(worst, 2.5 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TYPED_TEST(SimdTest, PowersBelowTheRangeAreTheSmallestNumber) {
  using T = TypeParam;
  for (T const x : {T(-2000), T(-1e9), std::numeric_limits<T>::lowest(), -std::numeric_limits<T>::infinity()}) {
    T y[SimdTest<T>::w];
    simd::store(y, simd::exp2<T>(simd::broadcast(x)));
    EXPECT_GE(y[0], 0);
    EXPECT_LE(y[0], 2 * std::numeric_limits<T>::min());
  }
}

}  // namespace
