// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_test.hpp"
#include "tools/baselines.hpp"
#include "tools/probe.hpp"

namespace krate::tools {
namespace {

using krate::testing::filled;

TEST(SingularValues, AreThoseOfAKnownMatrix) {
  // U diag(3, 2, 1) V^T with rotations of the plane, and one column that is always zero.
  double const c = std::cos(0.4), s = std::sin(0.4);
  Rows const tall{3, {3 * c, -3 * s, 0, 2 * s, 2 * c, 0, 0, 0, 1, 0, 0, 0}};
  auto const found = singular_values(tall);
  ASSERT_EQ(found.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(found[static_cast<std::size_t>(i)], 3 - i, 1e-14);
  EXPECT_EQ(singular_values({3, {0, 0, 0}}), std::vector<double>{0});
}

TEST(SingularValues, TheirSquaresAddUpToThoseOfTheEntriesEitherWay) {
  Rows const wide{9, filled(1, {5, 9}).data};
  Rows tall{5, std::vector<double>(45)};
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 9; ++j) tall.values[j * 5 + i] = wide.values[i * 9 + j];
  auto const a = singular_values(wide), b = singular_values(tall);
  ASSERT_EQ(a.size(), 5u);
  ASSERT_EQ(b.size(), 5u);
  double square = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(a[i], b[i], 1e-13);
    square += a[i] * a[i];
  }
  EXPECT_NEAR(square, dot(wide.values, wide.values), 1e-12);
}

// From the reference page, T1.
TEST(RegularisedSigma, MatchesTheTable) {
  Mcr2Objective const objective{.eps_squared = 0.5, .frobenius = 0.05};
  EXPECT_NEAR(regularised_sigma(6, 16, 4, objective), 3.64690502308155, 1e-13);
  EXPECT_NEAR(regularised_sigma(6, 16, 5, objective), 3.45738683109521, 1e-13);
  EXPECT_NEAR(regularised_sigma(6, 16, 7, objective), 3.04125670761653, 1e-13);
  EXPECT_TRUE(std::isnan(regularised_sigma(6, 16, 7, {.eps_squared = 0.5, .frobenius = 0})));
  EXPECT_TRUE(std::isnan(regularised_sigma(6, 16, 7, {.eps_squared = 0.5, .frobenius = 0.5})));
}

TEST(LinearProbe, SeparatesWhatAPlaneSeparatesAndRepeats) {
  Space const space;
  Rows train{3, filled(2, {120, 3}).data}, test{3, filled(3, {60, 3}).data};
  auto const label = [](Rows const& r, std::size_t i) {
    auto const x = r.row(i);
    return static_cast<Label>(x[0] + 2 * x[1] > 0.4 ? 2 : x[2] > 0 ? 1 : 0);
  };
  std::vector<Label> labels;
  for (std::size_t i = 0; i < 120; ++i) labels.push_back(label(train, i));
  auto const found = linear_probe(space, train, labels, test, 3);
  std::size_t right = 0;
  for (std::size_t i = 0; i < 60; ++i) right += found[i] == label(test, i);
  EXPECT_GE(right, 52u);
  EXPECT_EQ(linear_probe(space, train, labels, test, 3), found);
}

TEST(NearestNeighbours, TheMajorityOfSeveralWinsAndTheNearestBreaksTies) {
  Space const space;
  Rows const train{1, {0, 1, 1.2, 5, 6}}, test{1, {0.2, 5.4}};
  std::vector<Label> const labels{0, 1, 1, 2, 3};
  EXPECT_EQ(nearest_neighbour(space, train, labels, test, 1), (std::vector<Label>{0, 2}));
  EXPECT_EQ(nearest_neighbour(space, train, labels, test, 3), (std::vector<Label>{1, 2}));
  EXPECT_EQ(nearest_neighbour(space, train, labels, test, 2), (std::vector<Label>{0, 2}));
}

}  // namespace
}  // namespace krate::tools
