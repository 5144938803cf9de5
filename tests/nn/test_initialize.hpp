// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/initialize.hpp"
#include "support/checks.hpp"

namespace {

enum class Law { uniform, normal };

template <class T>
Array initialized(Law law, std::size_t count, double size, std::uint64_t seed, std::uint32_t stream,
                  TestSpace const& space = {}) {
  Guarded<TestSpace, T, 1> v(count);
  if (law == Law::uniform) {
    krate::initialize_uniform(space, v.view(), size, krate::Seed{seed}, stream);
  } else {
    krate::initialize_normal(space, v.view(), size, krate::Seed{seed}, stream);
  }
  space.fence("krate::test");
  EXPECT_TRUE(v.intact());
  return v.array();
}

template <class T>
struct InitializeTest : ::testing::Test {};
SCALAR_TESTS(InitializeTest, krate::testing::Scalars);

SCALAR_TEST(InitializeTest, IsTheRoundedDoubleOfTheCounterStream) {
  krate::Random const random(krate::Seed{11}, 3);
  Array const uniform = initialized<TypeParam>(Law::uniform, 257, 0.7, 11, 3);
  Array const normal = initialized<TypeParam>(Law::normal, 257, 0.7, 11, 3);
  double const eps = std::numeric_limits<TypeParam>::epsilon();
  for (std::size_t k = 0; k < 257; ++k) {
    EXPECT_NEAR(uniform(k), 0.7 * (2 * random.uniform(k) - 1), eps);
    EXPECT_NEAR(normal(k), 0.7 * random.normal(k), 8 * eps);
  }
}

SCALAR_TEST(InitializeTest, HasTheMomentsOfItsLaw) {
  std::size_t const n = 20000;
  for (Law const law : {Law::uniform, Law::normal}) {
    Array const v = initialized<TypeParam>(law, n, 2, 5, 1);
    double sum = 0, squares = 0, fourth = 0, largest = 0;
    for (double const x : v.data) {
      sum += x;
      squares += x * x;
      fourth += x * x * x * x;
      largest = std::max(largest, std::abs(x));
    }
    double const variance = law == Law::uniform ? 4.0 / 3 : 4.0, kurtosis = law == Law::uniform ? 1.8 : 3.0;
    EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(variance / n));
    EXPECT_NEAR(squares / n, variance, 0.05 * variance);
    EXPECT_NEAR(fourth / n, kurtosis * variance * variance, 0.1 * kurtosis * variance * variance);
    EXPECT_LE(largest, law == Law::uniform ? 2 : 12);
  }
}

SCALAR_TEST(InitializeTest, DependsOnSeedStreamAndElementOnly) {
  for (Law const law : {Law::uniform, Law::normal}) {
    Array const base = initialized<TypeParam>(law, 100, 1, 5, 1);
    EXPECT_TRUE(same_bits(base, initialized<TypeParam>(law, 100, 1, 5, 1, one_thread())));
    EXPECT_FALSE(same_bits(base, initialized<TypeParam>(law, 100, 1, 6, 1)));
    EXPECT_FALSE(same_bits(base, initialized<TypeParam>(law, 100, 1, 5, 2)));
    Array const longer = initialized<TypeParam>(law, 150, 1, 5, 1);
    EXPECT_TRUE(std::equal(base.data.begin(), base.data.end(), longer.data.begin()));
  }
}

SCALAR_TEST(InitializeTest, AnyRankEdgesErrorsConduct) {
  using T = TypeParam;
  TestSpace const space;
  auto const m = view<T, 2>(Array({5, 4}));
  krate::initialize_normal(space, m, 1, krate::Seed{5}, 1);
  EXPECT_TRUE(same_bits(to_array(m).reshaped({20}), initialized<T>(Law::normal, 20, 1, 5, 1)));
  EXPECT_EQ(initialized<T>(Law::uniform, 0, 1, 5, 1).size(), 0u);
  EXPECT_TRUE(same_bits(initialized<T>(Law::normal, 3, 0, 5, 1), Array({3})));
  auto const gaps = Kokkos::subview(m, Kokkos::ALL, Kokkos::pair<int, int>(0, 2));
  EXPECT_ERROR(krate::ValueError, "krate::initialize_normal: view = strided, but it must be contiguous",
               krate::initialize_normal(space, gaps, 1, krate::Seed{5}, 1));
  EXPECT_ERROR(krate::ValueError, "krate::initialize_uniform: bound = -1, but it must not be negative",
               krate::initialize_uniform(space, m, -1, krate::Seed{5}, 1));
  expect_good_conduct(space, [&] { krate::initialize_uniform(space, m, 1, krate::Seed{5}, 1); });
  expect_good_conduct(space, [&] { krate::initialize_normal(space, m, 1, krate::Seed{5}, 1); });
}

}  // namespace
