// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where learning ends: the table of the paper's figures, values with frozen policies, logit equilibria.
#pragma once

#include "games/ensemble_runs.hpp"
#include "support/checks.hpp"

namespace {

template <class Scalar>
struct ConvergenceTest : ::testing::Test {
  TestSpace space;

  /// [seed][player] after 100,000 stages of seeds 1 to 5.
  std::vector<std::vector<double>> nash_distances(RoutingGame const& game, LearningRule const& rule,
                                                  RandomStream random) const {
    Ensemble ensemble(space, game, rules_with_seeds(rule, {1, 2, 3, 4, 5}), random);
    RecordMemory const records(ensemble, {100000});
    ensemble.run(space, 100000, records.view());
    Array const nash = measured(ensemble, records).nash;
    std::vector<std::vector<double>> found(5);
    for (std::size_t r = 0; r < 5; ++r)
      for (std::size_t i = 0; i < game.players; ++i) found[r].push_back(nash(0, r, i));
    return found;
  }
  static double mean(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  }
};
SCALAR_TESTS(ConvergenceTest, krate::testing::OnlyDouble);

// potential_games.md 5.1, to its digits.
SCALAR_TEST(ConvergenceTest, TableOfTheFigures) {
  struct Row {
    RoutingGame game;
    LearningRule rule;
    std::vector<double> mean;
    double unit;
  };
  std::vector<Row> const rows{
      {routing(4, 2), {}, {0.1575, 0.0876, 0.1047, 0.0241, 0.0114}, 1e-4},
      {routing(4, 2), {.alpha_exponent = 1, .beta_exponent = 0.5}, {2.37, 5.36, 64.00, 46.6, 31.36}, 1e-2},
      {routing(4, 2), {.tau = 1e-3}, {0.1576, 0.1352, 0.1047, 0.0241, 0.0114}, 1e-4},
      {routing(8, 2), {}, {1.1296, 0.6161, 0.8722, 0.3045, 1.6377}, 1e-4},
      {routing(4, 2, false, false), {}, {0.0103, 0.0113, 0.0154, 0.0244, 0.0126}, 1e-4}};
  for (std::size_t f = 0; f < rows.size(); ++f) {
    auto const found = this->nash_distances(rows[f].game, rows[f].rule, RandomStream::mersenne);
    for (std::size_t r = 0; r < 5; ++r)
      EXPECT_NEAR(this->mean(found[r]), rows[f].mean[r], 0.51 * rows[f].unit)
          << "figure " << f + 1 << ", seed " << r + 1;
    std::vector<double> const largest{0.2501, 0.1587, 0.1687, 0.0288, 0.0307};
    for (std::size_t r = 0; f == 0 && r < 5; ++r)
      EXPECT_NEAR(*std::max_element(found[r].begin(), found[r].end()), largest[r], 0.51e-4);
  }
}

SCALAR_TEST(ConvergenceTest, AnotherRandomStreamEndsThereToo) {
  auto const common = this->nash_distances(routing(4, 2), {}, RandomStream::counter),
             wrong = this->nash_distances(routing(4, 2), {.alpha_exponent = 1, .beta_exponent = 0.5},
                                          RandomStream::counter),
             congestion = this->nash_distances(routing(4, 2, false, false), {}, RandomStream::counter);
  for (std::size_t r = 0; r < 5; ++r) {
    EXPECT_LT(this->mean(common[r]), 0.5);
    EXPECT_LT(this->mean(congestion[r]), 0.1);
    EXPECT_GT(this->mean(wrong[r]), 1);
  }
}

// Policies that never move (G4): values come to the exact perturbed ones of uniform policies.
SCALAR_TEST(ConvergenceTest, ValuesOfFrozenPolicies) {
  auto const game = routing(3, 2);
  std::vector<double> const uniform(3 * 4 * 2, 0.5);
  auto const exact = krate::games::evaluate(game, uniform, 0.4);
  for (double const exponent : {0.6, 0.8, 1.0}) {
    // With exploration 1 the response is the uniform policy, which is where policies begin.
    Ensemble ensemble(this->space, game,
                      rules_with_seeds({.tau = 0.4, .alpha_exponent = exponent, .exploration = 1}, {1, 2}));
    double before = 0;
    for (std::int64_t const stage : {1000, 1000000}) {
      ensemble.run(this->space, stage - ensemble.stage());
      double worst = 0;
      for (std::size_t r = 0; r < 2; ++r) {
        auto const found = ensemble.snapshot(this->space, r);
        EXPECT_EQ(found.policy, uniform);
        worst = std::max(worst, largest_difference(found.q, exact.q));
      }
      EXPECT_LT(worst, 100 * std::pow(static_cast<double>(stage) / 8, -exponent / 2)) << exponent;
      if (stage > 1000 && exponent < 1) {
        EXPECT_LT(worst, before / 3) << exponent;
      }
      before = worst;
    }
  }
}

// At a large tau (G5) the players end at the logit equilibrium pi = softmax(Q(pi) / tau).
SCALAR_TEST(ConvergenceTest, LogitEquilibrium) {
  for (bool const common : {true, false}) {
    auto const game = routing(3, 2, common, common);
    double const tau = 20;
    Ensemble ensemble(this->space, game, rules_with_seeds({.tau = tau, .alpha_exponent = 0.6}, {1, 2}));
    ensemble.run(this->space, 1000000);
    for (std::size_t r = 0; r < 2; ++r) {
      auto const found = ensemble.snapshot(this->space, r);
      auto const q = krate::games::evaluate(game, found.policy, tau).q;
      for (std::size_t row = 0; row < q.size() / 2; ++row)
        EXPECT_NEAR(found.policy[2 * row], 1 / (1 + std::exp((q[2 * row + 1] - q[2 * row]) / tau)), 0.01);
    }
  }
}

// A part of uniform play: policies keep at least that much, and are as near to the equilibrium as that lets them.
SCALAR_TEST(ConvergenceTest, Exploration) {
  auto const game = routing(4, 2, false, false);
  Ensemble ensemble(this->space, game, rules_with_seeds({.tau = 0, .exploration = 0.02}, {1, 2, 3}));
  ensemble.run(this->space, 200000);
  for (std::size_t r = 0; r < 3; ++r) {
    auto const found = ensemble.snapshot(this->space, r);
    for (double const p : found.policy) EXPECT_GE(p, 0.01 - 1e-12);
    for (double const distance : krate::games::evaluate(game, found.policy).nash_distance()) EXPECT_LT(distance, 2);
  }
}

}  // namespace
