// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/random.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
struct RandomTest : ::testing::Test {};
SCALAR_TESTS(RandomTest, krate::testing::OnlyDouble);

struct DrawBits {
  krate::Random random;
  Kokkos::View<std::uint64_t*, TestSpace> bits;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { bits(i) = random.bits(static_cast<std::uint64_t>(i)); }
};

// Known answers of Philox4x32-10, published with Random123 by its authors: counter and key all zero, all one, and the
// first digits of pi.
SCALAR_TEST(RandomTest, GivesThePublishedAnswers) {
  using krate::Random, krate::Seed;
  EXPECT_EQ(Random(Seed{0}, 0, 0).bits(0), 0xe169c58d6627e8d5u);
  EXPECT_EQ(Random(Seed{0xffffffffffffffffu}, 0xffffffffu, 0xffffffffu).bits(0xffffffffffffffffu), 0x41c83b0e408f276du);
  EXPECT_EQ(Random(Seed{0x299f31d0a4093822u}, 0x03707344u, 0x13198a2eu).bits(0x85a308d3243f6a88u), 0x94fdccebd16cfe09u);
}

SCALAR_TEST(RandomTest, DoesNotDependOnTheSpaceOrItsThreads) {
  krate::Random const random(krate::Seed{7}, 3, 11);
  Kokkos::View<std::uint64_t*, TestSpace> const bits("krate::test", 1000);
  for (TestSpace const& space : {TestSpace(), one_thread()}) {
    krate::testing::set_all(bits, 0);
    Kokkos::parallel_for(KRATE_LABEL("krate::test::draw"), krate::impl::elements(space, bits.size()),
                         DrawBits{random, bits});
    space.fence("krate::test: drawn");
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, bits);
    for (std::size_t i = 0; i < host.size(); ++i) ASSERT_EQ(host(i), random.bits(i));
  }
}

SCALAR_TEST(RandomTest, EachPartOfTheKeyMatters) {
  krate::Random const base(krate::Seed{1}, 2, 3);
  for (krate::Random const& other :
       {krate::Random(krate::Seed{2}, 2, 3), krate::Random(krate::Seed{std::uint64_t(1) << 40}, 2, 3),
        krate::Random(krate::Seed{1}, 3, 3), krate::Random(krate::Seed{1}, 2, 4)}) {
    int equal = 0;
    for (std::uint64_t i = 0; i < 100; ++i) equal += base.bits(i) == other.bits(i);
    EXPECT_EQ(equal, 0);
  }
  EXPECT_NE(base.bits(5), base.bits(5 + (std::uint64_t(1) << 32)));
}

SCALAR_TEST(RandomTest, MomentsAreThoseOfTheDistributions) {
  krate::Random const random(krate::Seed{42}, 0);
  int const n = 200000;
  double uniform = 0, uniform2 = 0, normal = 0, normal2 = 0, normal4 = 0, neighbours = 0;
  for (int i = 0; i < n; ++i) {
    double const u = random.uniform(i), g = random.normal(i);
    ASSERT_TRUE(u >= 0 && u < 1);
    ASSERT_TRUE(std::isfinite(g));
    uniform += u / n;
    uniform2 += u * u / n;
    normal += g / n;
    normal2 += g * g / n;
    normal4 += g * g * g * g / n;
    neighbours += (u - 0.5) * (random.uniform(i + 1) - 0.5) / n;
  }
  double const s = 5 / std::sqrt(n);  // five standard deviations, times that of one draw
  EXPECT_NEAR(uniform, 0.5, 0.29 * s);
  EXPECT_NEAR(uniform2, 1.0 / 3, 0.3 * s);
  EXPECT_NEAR(normal, 0, s);
  EXPECT_NEAR(normal2, 1, 1.5 * s);
  EXPECT_NEAR(normal4, 3, 10 * s);
  EXPECT_NEAR(neighbours, 0, s / 12);
}

SCALAR_TEST(RandomTest, BelowIsEven) {
  krate::Random const random(krate::Seed{3}, 1);
  int count[7] = {};
  for (int i = 0; i < 70000; ++i) ++count[random.below(i, 7)];
  for (int const c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(10000.0));
  EXPECT_EQ(random.below(9, 1), 0u);
}

}  // namespace
