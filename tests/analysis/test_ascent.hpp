// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "analysis/critical_points.hpp"

namespace {

template <class T>
struct AscentTest : ::testing::Test {};
SCALAR_TESTS(AscentTest, krate::testing::OnlyDouble);

struct Climb {
  RateProblem problem;
  double fraction;  ///< of lambda_max
  std::size_t iterations;
};

SCALAR_TEST(AscentTest, GenericStartsEndAtMaximisers) {
  std::vector<std::int64_t> const unequal = {20, 30, 40}, equal = {50, 50, 50, 50};
  for (Climb const& c : {Climb{{30, unequal, 0.5}, 0.1, 1500}, Climb{{30, unequal, 0.5}, 0.5, 600},
                         Climb{{50, equal, 0.25}, 0.1, 1200}, Climb{{100, equal, 0.25}, 0.1, 1200}}) {
    SCOPED_TRACE(std::to_string(c.problem.dim) + " at " + std::to_string(c.fraction));
    double const lambda = c.fraction * krate::analysis::largest_lambda(c.problem);
    auto const form = krate::analysis::regularised_maximiser(c.problem, lambda);
    auto const z = normal_start(c.problem, 5);
    auto const labels = label_view(consecutive_labels(c.problem.class_sizes));
    auto const trace = krate::analysis::regularised_ascent(TestSpace(), z, labels, objective_of(c.problem, lambda),
                                                           {.tolerance = 2e-11, .iterations = c.iterations});
    ASSERT_TRUE(trace.converged);
    for (std::size_t i = 1; i < trace.objective.size(); ++i)
      ASSERT_GE(trace.objective[i], trace.objective[i - 1] - 1e-12 * std::abs(trace.objective[i - 1])) << i;
    auto const sigma = krate::analysis::class_singular_values(TestSpace(), z, c.problem.class_sizes);
    auto const ranks = ranks_of(sigma, form);
    EXPECT_EQ(std::accumulate(ranks.begin(), ranks.end(), std::int64_t(0)),
              std::min(static_cast<std::int64_t>(c.problem.dim), c.problem.samples()));
    for (std::size_t k = 0; k < ranks.size(); ++k)
      for (std::size_t j = 0; j < static_cast<std::size_t>(ranks[k]); ++j)
        EXPECT_NEAR(sigma[k][j] * sigma[k][j] / form.classes[k].s_plus, 1, 1e-8);
    auto const cosines = krate::analysis::absolute_cosines(TestSpace(), z);
    EXPECT_LE(krate::analysis::largest_cross_cosine(cosines, c.problem.class_sizes), 5e-13);
    double const value = krate::analysis::maximiser_value(form, ranks);
    EXPECT_NEAR(trace.objective.back(), value, 1e-6);
    EXPECT_LE(value, form.value + 1e-12);
    if (c.problem.class_sizes == equal) {
      EXPECT_NEAR(value, form.value, 1e-10);
    }
  }
  auto const value_of = [](RateProblem const& p, double fraction) {
    return krate::analysis::regularised_maximiser(p, fraction * krate::analysis::largest_lambda(p)).value;
  };
  EXPECT_NEAR(value_of({30, unequal, 0.5}, 0.1), 24.255054, 1e-6);
  EXPECT_NEAR(value_of({30, unequal, 0.5}, 0.5), 7.912993, 1e-6);
  EXPECT_NEAR(value_of({50, equal, 0.25}, 0.1), 32.010549, 1e-6);
  EXPECT_NEAR(value_of({100, equal, 0.25}, 0.1), 64.021098, 1e-6);
}

SCALAR_TEST(AscentTest, StartsThatAreTooSmallLoseTheirRank) {
  RateProblem const problem{30, {20, 30, 40}, 0.5};
  double const lambda = 0.1 * krate::analysis::largest_lambda(problem);
  auto const form = krate::analysis::regularised_maximiser(problem, lambda);
  auto const z = normal_start(problem, 5, 0.01);
  auto const trace =
      krate::analysis::regularised_ascent(TestSpace(), z, label_view(consecutive_labels(problem.class_sizes)),
                                          objective_of(problem, lambda), {.iterations = 3000});
  ASSERT_TRUE(trace.converged);
  auto const ranks = ranks_of(krate::analysis::class_singular_values(TestSpace(), z, problem.class_sizes), form);
  EXPECT_LT(std::accumulate(ranks.begin(), ranks.end(), std::int64_t(0)), 10);
  EXPECT_NEAR(trace.objective.back(), krate::analysis::maximiser_value(form, ranks), 1e-6);
}

SCALAR_TEST(AscentTest, ConstrainedAscentEndsAtEqualSpectra) {
  std::vector<std::int64_t> const sizes = {30, 40, 50};
  Ranks const ranks = {3, 4, 5};
  for (std::size_t const dim : {20, 12}) {
    RateProblem const problem{dim, sizes, 0.5};
    auto const form = krate::analysis::constrained_maximiser(problem, ranks);
    ASSERT_TRUE(form.is_global);
    auto const z = normal_start(problem, 9);
    auto const trace = krate::analysis::constrained_ascent(TestSpace(), z, problem, ranks, {.iterations = 400});
    ASSERT_TRUE(trace.converged);
    EXPECT_LE(trace.steps(), 200u);
    EXPECT_NEAR(trace.objective.back(), form.value, 1e-9);
    auto const sigma = krate::analysis::class_singular_values(TestSpace(), z, sizes);
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < sigma[k].size(); ++j)
        EXPECT_NEAR(sigma[k][j], j < static_cast<std::size_t>(ranks[k]) ? std::sqrt(10.0) : 0, 1e-6);
    EXPECT_LE(krate::analysis::largest_cross_cosine(krate::analysis::absolute_cosines(TestSpace(), z), sizes), 1e-8);
  }
  // Where precision is too low ranks drop.
  RateProblem const coarse{12, sizes, 3};
  EXPECT_FALSE(krate::analysis::constrained_maximiser(coarse, ranks).is_global);
  auto const z = normal_start(coarse, 9);
  krate::analysis::constrained_ascent(TestSpace(), z, coarse, ranks, {.iterations = 3000});
  auto const sigma = krate::analysis::class_singular_values(TestSpace(), z, sizes);
  EXPECT_LT(sigma[2][4], 1e-3);
}

SCALAR_TEST(AscentTest, RepeatsToTheBit) {
  RateProblem const problem{8, {6, 9}, 0.5};
  auto const labels = label_view(consecutive_labels(problem.class_sizes));
  auto const objective = objective_of(problem, 0.1 * krate::analysis::largest_lambda(problem));
  auto const first = normal_start(problem, 2), second = normal_start(problem, 2);
  auto const one = krate::analysis::regularised_ascent(TestSpace(), first, labels, objective, {.iterations = 20});
  auto const two = krate::analysis::regularised_ascent(TestSpace(), second, labels, objective, {.iterations = 20});
  EXPECT_EQ(one.steps(), 20u);
  EXPECT_FALSE(one.converged);
  EXPECT_EQ(one.objective, two.objective);
  EXPECT_EQ(one.gradient_norm, two.gradient_norm);
  EXPECT_TRUE(same_bits(to_array(first), to_array(second)));
}

SCALAR_TEST(AscentTest, RefusesBadInput) {
  RateProblem const problem{3, {2, 2}, 0.5};
  auto const labels = label_view(consecutive_labels(problem.class_sizes));
  auto const objective = objective_of(problem, 0.1);
  auto const z = normal_start(problem, 1);
  EXPECT_ERROR(krate::ValueError, "step = -1, but it must be positive, or 0 for the default",
               krate::analysis::regularised_ascent(TestSpace(), z, labels, objective, {.step = -1}));
  EXPECT_ERROR(krate::NumericalError, "krate::analysis::regularised_ascent: the objective is not finite after",
               krate::analysis::regularised_ascent(TestSpace(), z, labels, objective, {.step = 1e200}));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::constrained_ascent: z has shape [4, 3], expected [5, 3]",
               krate::analysis::constrained_ascent(TestSpace(), z, {3, {2, 3}, 0.5}, {1, 1}));
  EXPECT_ERROR(krate::ShapeError, "z has shape [4, 3], expected [5, 3] (the sum of the class sizes)",
               krate::analysis::class_singular_values(TestSpace(), z, {2, 3}));
  EXPECT_ERROR(krate::ShapeError, "9 cosines, expected 16",
               krate::analysis::largest_cross_cosine(std::vector<double>(9), {2, 2}));
}

}  // namespace
