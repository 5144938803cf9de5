// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Closed forms alone; that they are critical points is the business of test_landscape.hpp.
#include "krate/analysis/regularised_maximiser.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "krate/analysis/constrained_maximiser.hpp"
#include "support/op_test.hpp"

namespace {

using namespace krate::analysis;
using Ranks = std::vector<std::int64_t>;

RateProblem const small{6, {4, 5, 7}, 0.5};

TEST(RegularisedMaximiser, KnownConstants) {
  EXPECT_NEAR(small.alpha(), 0.75, 1e-16);
  EXPECT_NEAR(largest_lambda(small), 0.152832459290273, 1e-14);
  auto const form = regularised_maximiser(small, 0.05);
  double const expected[3][4] = {{0.0334170859558669, 13.2999162473775, 3.64690502308155, 0.0884433277428105},
                                 {0.0464763001694161, 11.9535236998306, 3.45738683109521, 0.0865967083611721},
                                 {0.0840909717108268, 9.24924236162251, 3.04125670761653, 0.0814680123547706}};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(form.classes[k].s_minus, expected[k][0], 1e-14);
    EXPECT_NEAR(form.classes[k].s_plus, expected[k][1], 1e-12);
    EXPECT_NEAR(form.classes[k].sigma, expected[k][2], 1e-13);
    EXPECT_NEAR(form.classes[k].kappa, expected[k][3], 1e-15);
  }
}

TEST(RegularisedMaximiser, WhereTheGlobalMaximiserLosesRank) {
  // q = m / m_k; lambda_max and lambda_glob over alpha, of a class with that share.
  double const table[7][3] = {{1.25, 0.05573, 0.04821}, {1.5, 0.10102, 0.08745}, {2, 0.17157, 0.14878},
                              {3, 0.26795, 0.23324},    {4, 0.33333, 0.29122},   {10, 0.51949, 0.46100},
                              {100, 0.81818, 0.76225}};
  for (auto const& row : table) {
    bool const balanced = row[0] >= 2;  // else a large class of that share and a small one
    Ranks const sizes = balanced       ? Ranks(static_cast<std::size_t>(row[0]), 12)
                        : row[0] < 1.3 ? Ranks{48, 12}
                                       : Ranks{24, 12};
    RateProblem const problem{5, sizes, 0.5};
    auto const form = regularised_maximiser(problem, 0.01 * largest_lambda(problem));
    EXPECT_NEAR(form.lambda_max / problem.alpha(), row[1], 6e-6) << row[0];
    EXPECT_NEAR(form.classes[0].lambda_glob / problem.alpha(), row[2], 6e-6) << row[0];
    EXPECT_EQ(form.lambda_glob, form.classes[0].lambda_glob);
  }
  // Full ranks cost more than they gain close to lambda_max.
  RateProblem const two{4, {4, 4}, 0.5};
  double const values[4][2] = {{0.5, 0.3360}, {0.8, 0.0392}, {0.9, -0.0164}, {0.95, -0.0378}};
  for (auto const& row : values) {
    auto const form = regularised_maximiser(two, row[0] * largest_lambda(two));
    EXPECT_NEAR(maximiser_value(form, {2, 2}), row[1], 6e-5);
    EXPECT_EQ(form.ranks, (row[1] > 0 ? Ranks{2, 2} : Ranks{0, 0}));
    EXPECT_NEAR(form.value, std::max(0.0, row[1]), 6e-5);
    EXPECT_EQ(form.classes[0].gain > 0, row[0] * form.lambda_max < form.lambda_glob);
  }
}

/// Calls visit(ranks) for all ranks that maximisers can have.
template <class Visit>
void for_each_ranks(RateProblem const& problem, Visit const& visit, Ranks const& begun = {}, std::int64_t used = 0) {
  if (begun.size() == problem.class_sizes.size()) return visit(begun);
  auto const left = static_cast<std::int64_t>(problem.dim) - used;
  for (std::int64_t r = 0; r <= std::min(left, problem.class_sizes[begun.size()]); ++r) {
    Ranks next = begun;
    next.push_back(r);
    for_each_ranks(problem, visit, next, used + r);
  }
}

TEST(RegularisedMaximiser, SmallestClassesFirstIsBest) {
  for (RateProblem const& problem : {small, RateProblem{9, {7, 3, 5, 2}, 0.3}, RateProblem{8, {2, 3}, 0.25}})
    for (double const fraction : {0.05, 0.3, 0.6, 0.8, 0.9, 0.99}) {
      auto const form = regularised_maximiser(problem, fraction * largest_lambda(problem));
      double best = 0;
      for_each_ranks(problem, [&](Ranks const& ranks) { best = std::max(best, maximiser_value(form, ranks)); });
      EXPECT_NEAR(form.value, best, 1e-12) << fraction;
      for (std::size_t k = 0; k < problem.class_sizes.size(); ++k)
        for (std::size_t l = 0; l < problem.class_sizes.size(); ++l) {
          if (problem.class_sizes[k] < problem.class_sizes[l]) {
            EXPECT_GT(form.classes[k].gain, form.classes[l].gain);
          }
        }
    }
}

TEST(RegularisedMaximiser, MatchingOfPenaltyAndConstraint) {
  // lambda = alpha (alpha_k - alpha) s / ((1 + alpha s)(1 + alpha_k s)) makes s the maximiser's square.
  RateProblem const problem{12, {30, 30, 30}, 0.5};
  double const s = 30 / 4.0, a = problem.alpha(), ak = problem.alpha(0);
  auto const form = regularised_maximiser(problem, a * (ak - a) * s / ((1 + a * s) * (1 + ak * s)));
  EXPECT_NEAR(form.classes[0].s_plus, s, 1e-12);
}

TEST(RegularisedMaximiser, DimensionOfTheManifold) {
  Ranks const ranks[6] = {{0, 0, 0}, {1, 0, 0}, {2, 1, 2}, {1, 1, 1}, {2, 2, 2}, {0, 3, 3}};
  std::int64_t const expected[6] = {0, 8, 33, 25, 35, 33};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(maximiser_dimension(small, ranks[i]), expected[i]);
}

TEST(RegularisedMaximiser, RefusesWhatIsNoProblem) {
  double const most = largest_lambda(small);
  EXPECT_ERROR(krate::ValueError, "must be positive and below lambda_max = 0.152832",
               regularised_maximiser(small, most));
  EXPECT_ERROR(krate::ValueError, "lambda = 0, but it must be positive", regularised_maximiser(small, 0));
  EXPECT_ERROR(krate::ValueError, "lambda = nan", regularised_maximiser(small, std::nan("")));
  EXPECT_ERROR(krate::ValueError, "classes = 1, but it must be at least 2", largest_lambda({6, {4}, 0.5}));
  EXPECT_ERROR(krate::ValueError, "class size = 0, but it must be positive", largest_lambda({6, {4, 0}, 0.5}));
  EXPECT_ERROR(krate::ValueError, "dim = 0", largest_lambda({0, {4, 5}, 0.5}));
  EXPECT_ERROR(krate::ValueError, "eps_squared = -1", largest_lambda({6, {4, 5}, -1}));
  EXPECT_ERROR(krate::ShapeError, "2 ranks were given, expected 3 (one a class)", maximiser_dimension(small, {1, 2}));
  EXPECT_ERROR(krate::ValueError, "rank = 5, but it must be from 0", maximiser_dimension(small, {5, 0, 0}));
  EXPECT_ERROR(krate::ValueError, "sum of ranks = 7", maximiser_dimension(small, {3, 3, 1}));
}

TEST(ConstrainedMaximiser, PrecisionConstants) {
  double const table[8][2] = {{1.5, 0.2133}, {2, 0.2122},  {3, 0.2098},   {5, 0.2054},
                              {10, 0.1974},  {20, 0.1876}, {100, 0.1619}, {1000, 0.1273}};
  for (auto const& row : table) EXPECT_NEAR(precision_constant(row[0]), row[1], 6e-5) << row[0];
  EXPECT_NEAR(precision_constant(1 + 1e-5), 0.2138, 1e-4);
  EXPECT_ERROR(krate::ValueError, "q = 1, but it must be above 1", precision_constant(1));
}

// With the paper's constant 1 this problem has equal full-rank spectra; fewer directions are better.
TEST(ConstrainedMaximiser, TheConstantOfThePaperIsNotEnough) {
  RateProblem const problem{12, {500, 500, 500}, 1};
  auto const full = constrained_maximiser(problem, {3, 4, 5}), fewer = constrained_maximiser(problem, {3, 3, 3});
  EXPECT_LT(full.precision_ratio, 1);
  EXPECT_FALSE(full.is_global);
  EXPECT_NEAR(full.value, 1.377980, 1e-6);
  EXPECT_NEAR(fewer.value, 1.398684, 1e-6);
}

TEST(ConstrainedMaximiser, RefusesRanksThatDoNotFit) {
  RateProblem const problem{6, {4, 5, 7}, 0.5};
  EXPECT_ERROR(krate::ShapeError, "1 ranks were given, expected 3", constrained_maximiser(problem, {2}));
  EXPECT_ERROR(krate::ValueError, "rank = 0, but it must be from 1", constrained_maximiser(problem, {0, 2, 2}));
  EXPECT_ERROR(krate::ValueError, "sum of ranks = 7, but it must not exceed dim",
               constrained_maximiser(problem, {2, 2, 3}));
}

}  // namespace
