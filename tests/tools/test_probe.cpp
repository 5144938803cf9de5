// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_test.hpp"
#include "tools/baselines.hpp"
#include "tools/probe.hpp"

namespace krate::tools {
namespace {

using krate::testing::filled;

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
