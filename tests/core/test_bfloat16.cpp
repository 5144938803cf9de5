// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/bfloat16.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace krate::testing {
namespace {

float widened(std::uint32_t bits) {
  bfloat16 b;
  b.bits = static_cast<std::uint16_t>(bits);
  return static_cast<float>(b);
}

TEST(Bfloat16, EveryOneComesBackFromFloat) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    float const value = widened(bits);
    bfloat16 const back(value);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(back)));
    } else {
      ASSERT_EQ(back.bits, bits);
    }
  }
}

TEST(Bfloat16, IsTheNearest) {
  std::mt19937 bits(3);
  for (int i = 0; i < 100000; ++i) {
    float const value = std::bit_cast<float>(static_cast<std::uint32_t>(bits()));
    if (!std::isfinite(value)) continue;
    std::uint32_t const below = std::bit_cast<std::uint32_t>(value) >> 16;
    float const near = widened(below), far = widened(below + 1);
    float const found = static_cast<float>(bfloat16(value));
    if (std::isinf(far)) continue;
    double const exact = value, down = std::abs(exact - near), up = std::abs(exact - far);
    if (down != up) {
      EXPECT_EQ(found, down < up ? near : far) << value;
    }
  }
}

TEST(Bfloat16, TiesGoToEvenAndTooLargeToInfinity) {
  EXPECT_EQ(static_cast<float>(bfloat16(1 + 0x1p-8f)), 1);
  EXPECT_EQ(static_cast<float>(bfloat16(1 + 3 * 0x1p-8f)), 1 + 0x1p-6f);
  EXPECT_EQ(static_cast<float>(bfloat16(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(static_cast<float>(bfloat16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_TRUE(std::signbit(static_cast<float>(bfloat16(-0.0f))));
}

}  // namespace
}  // namespace krate::testing
