// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/mcr2_runs.hpp"
#include "support/checks.hpp"
#include "support/gradient_check.hpp"

namespace {

template <class T>
struct Mcr2Test : ::testing::Test {
  static constexpr double close = std::is_same_v<T, float> ? 2e-6 : 1e-12;
};
SCALAR_TESTS(Mcr2Test, krate::testing::Scalars);

// From an independent program: 14 samples of 4 dimensions, classes of 5, 3 and 6, given class by class.
SCALAR_TEST(Mcr2Test, NumbersOfTheReferencePage) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array z({14, 4});
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 14; ++j) z(j, i) = std::sin(0.7 * i + 0.65 * j * j + 0.9 * i * j + 0.3);
    std::vector<int> const labels{0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2};
    auto const found = run_mcr2<double>(z, labels, {.eps_squared = 0.5, .frobenius = 0.1}, 3);
    EXPECT_NEAR(found.loss, 0.939203711162463, 1e-13);
    EXPECT_NEAR(std::sqrt(krate::testing::dot(found.gradient, found.gradient)), 0.518006478340745, 1e-13);
    EXPECT_NEAR(found.gradient(0, 0), 0.073932528494, 1e-12);
    EXPECT_NEAR(found.gradient(13, 3), 0.0502628692626888, 1e-14);
  }
}

SCALAR_TEST(Mcr2Test, MatchesPlainLoopsAndItsDerivative) {
  using T = TypeParam;
  struct Case {
    std::size_t samples, dim, classes;
  };
  // Odd sizes, more dims than samples, a class without samples, more tiles than one, one sample, none.
  for (Case const c : {Case{17, 3, 2}, {6, 9, 3}, {3, 5, 4}, {40, 66, 2}, {1, 4, 1}, {0, 4, 2}}) {
    Array const z = rounded<T>(filled(3, {c.samples, c.dim}));
    auto const labels = labels_in_turn(c.samples, c.classes);
    for (double const frobenius : {0.0, 0.03}) {
      Array gradient;
      for (Layout const layout : all_layouts) {
        SCOPED_TRACE(std::to_string(c.samples) + " " + std::to_string(frobenius) + " " + std::to_string(int(layout)));
        krate::Mcr2Objective const objective{.eps_squared = 0.3, .frobenius = frobenius};
        auto const found = run_mcr2<T>(z, labels, objective, c.classes, layout);
        auto const loss = [&](Array const& x) { return mcr2_oracle(x, labels, objective, c.classes); };
        if (c.samples == 0) {
          EXPECT_EQ(found.loss, 0);
          continue;
        }
        EXPECT_NEAR(found.loss, loss(z), 1e-12);
        if (layout != Layout::right) {
          EXPECT_LE(worst_error(found.gradient, gradient), tolerance<T>(c.dim));
          continue;
        }
        gradient = found.gradient;
        EXPECT_LE(krate::testing::gradient_error(loss, z, gradient, 1e-4), std::max(1e-7, this->close));
      }
    }
  }
}

SCALAR_TEST(Mcr2Test, OrthogonalClassesGainAndMixedOnesDoNot) {
  using T = TypeParam;
  Array apart({8, 4}), mixed({8, 4});
  for (std::size_t i = 0; i < 8; ++i) {
    apart(i, i % 2 * 2 + i / 2 % 2) = 1;
    mixed(i, i / 2 % 4) = 1;
  }
  auto const labels = labels_in_turn(8, 2);
  EXPECT_LT(run_mcr2<T>(apart, labels, {}, 2).loss, -0.3);
  EXPECT_NEAR(run_mcr2<T>(mixed, labels, {}, 2).loss, 0, 1e-12);  // each class is as wide as the whole
}

SCALAR_TEST(Mcr2Test, OnTheSphereTheLengthOfFeaturesDoesNotMatter) {
  using T = TypeParam;
  Array const z = filled(5, {30, 6});
  auto const labels = labels_in_turn(30, 3);
  auto const found = run_mcr2<T>(z, labels, {}, 3), doubled = run_mcr2<T>(krate::testing::scaled(2, z), labels, {}, 3);
  EXPECT_EQ(found.loss, doubled.loss);
  for (std::size_t r = 0; r < 30; ++r) {
    double radial = 0;
    for (std::size_t j = 0; j < 6; ++j) radial += found.gradient(r, j) * z(r, j);
    EXPECT_NEAR(radial, 0, this->close);
  }
}

SCALAR_TEST(Mcr2Test, RepeatsGiveTheSameBits) {
  using T = TypeParam;
  Array const z = filled(5, {301, 33});
  auto const labels = labels_in_turn(301, 7);
  auto const once = run_mcr2<T>(z, labels, {}, 7), again = run_mcr2<T>(z, labels, {}, 7);
  EXPECT_EQ(once.loss, again.loss);
  EXPECT_EQ(once.gradient.data, again.gradient.data);
}

SCALAR_TEST(Mcr2Test, BadInputShows) {
  using T = TypeParam;
  Array z = filled(1, {4, 3});
  EXPECT_TRUE(std::isnan(run_mcr2<T>(z, {0, 1, 2, 0}, {}, 2).loss));
  EXPECT_TRUE(std::isnan(run_mcr2<T>(z, {0, 1, -1, 0}, {}, 2).gradient(2, 0)));
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0", run_mcr2<T>(z, {0, 1, 1, 0}, {.eps_squared = 0}, 2));
  EXPECT_ERROR(krate::ValueError, "frobenius = -1", run_mcr2<T>(z, {0, 1, 1, 0}, {.frobenius = -1}, 2));
  EXPECT_ERROR(krate::ValueError, "classes = 0", run_mcr2<T>(z, {0, 1, 1, 0}, {}, 0));
  EXPECT_ERROR(krate::ShapeError, "one a row of features", run_mcr2<T>(z, {0, 1, 1}, {}, 2));
  z(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(run_mcr2<T>(z, {0, 1, 1, 0}, {}, 2).loss));
}

}  // namespace
