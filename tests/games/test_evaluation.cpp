// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exact values (G2) against sweeps over plain loops and long play; what is refused.
#include "games/games_oracle.hpp"
#include "games/policies.hpp"
#include "support/op_test.hpp"

namespace krate::games {
namespace {

using namespace krate::testing;

struct PlainValues {
  std::vector<double> value, best;
};

/// Value iteration against policies [players, states, actions], over all joint actions.
PlainValues sweep(PlainGame const& game, std::vector<double> const& policies, int player, double tau) {
  int const n = game.players(), most = *std::max_element(game.counts.begin(), game.counts.end());
  auto const joint = joint_actions(game);
  PlainValues v{std::vector<double>(game.states, 0), std::vector<double>(game.states, 0)};
  for (int round = 0; round < 80; ++round) {
    PlainValues next = v;
    for (int s = 0; s < game.states; ++s) {
      std::vector<double> q(most, 0), best(most, 0);
      for (auto const& a : joint) {
        double weight = 1;
        for (int i = 0; i < n; ++i)
          if (i != player) weight *= policies[(i * game.states + s) * most + a[i]];
        auto const p = game.transition(s, a);
        double ahead = 0, best_ahead = 0;
        for (int to = 0; to < game.states; ++to) ahead += p[to] * v.value[to], best_ahead += p[to] * v.best[to];
        double const u = game.reward(player, s, a);
        q[a[player]] += weight * (u + game.discount * ahead);
        best[a[player]] += weight * (u + game.discount * best_ahead);
      }
      next.value[s] = 0;
      for (int a = 0; a < most; ++a) {
        double const p = policies[(player * game.states + s) * most + a];
        next.value[s] += p * q[a] - (p > 0 ? tau * p * std::log(p) : 0);
      }
      next.best[s] = *std::max_element(best.begin(), best.end());
    }
    v = next;
  }
  return v;
}

TEST(Evaluation, IsWhatSweepsOverAllJointActionsFind) {
  struct Size {
    int players, routes;
  };
  for (Size const size : {Size{1, 1}, {1, 3}, {4, 1}, {4, 2}, {3, 3}, {5, 2}})
    for (bool const common : {true, false})
      for (bool const dependent : {true, false})
        for (double const tau : {0.0, 0.6}) {
          auto const game = routing_variant(size.players, size.routes, common, dependent);
          auto const plain = plain_routing(size.players, size.routes, common, dependent);
          auto const policies = random_policies(3, game.players, game.states(), game.routes());
          auto const found = evaluate(game, policies, tau), tables = evaluate(tabulated(game), policies, tau);
          EXPECT_LE(largest_gap(found.value, tables.value), 1e-11);
          EXPECT_LE(largest_gap(found.q, tables.q), 1e-11);
          EXPECT_LE(largest_gap(found.occupancy, tables.occupancy), 1e-13);
          std::vector<double> value, best;
          for (int i = 0; i < size.players; ++i) {
            auto const v = sweep(plain, policies, i, tau);
            value.insert(value.end(), v.value.begin(), v.value.end());
            best.insert(best.end(), v.best.begin(), v.best.end());
          }
          EXPECT_LE(largest_gap(found.value, value), 1e-10);
          EXPECT_LE(largest_gap(found.best_value, best), 1e-10);
        }
}

TEST(Evaluation, IsWhatLongPlayEarns) {
  auto const game = routing_variant(3, 2, false, true);
  auto const plain = plain_routing(3, 2, false, true);
  auto const policies = random_policies(5, 3, 4, 2);
  auto const exact = evaluate(game, policies);
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform;
  int const runs = 40000, stages = 30;
  std::vector<double> sum(3, 0), square(3, 0);
  for (int run = 0; run < runs; ++run) {
    int s = 2;
    double earned[3] = {}, weight = 1;
    for (int k = 0; k < stages; ++k, weight *= plain.discount) {
      Actions a;
      for (int i = 0; i < 3; ++i) a.push_back(uniform(generator) >= policies[(i * 4 + s) * 2]);
      for (int i = 0; i < 3; ++i) earned[i] += weight * plain.reward(i, s, a);
      s = categorical(plain.transition(s, a), uniform(generator));
    }
    for (int i = 0; i < 3; ++i) sum[i] += earned[i], square[i] += earned[i] * earned[i];
  }
  for (int i = 0; i < 3; ++i) {
    double const mean = sum[i] / runs, deviation = std::sqrt((square[i] / runs - mean * mean) / runs);
    EXPECT_NEAR(mean, exact.value[i * 4 + 2], 4.5 * deviation);
  }
}

TEST(Evaluation, ManyPlayersNeedNoTables) {
  // All on the first of two routes: u_i = 9 - 2 w 50, so that the worth is that number's discounted sum.
  auto const game = routing_variant(50, 2, false, true);
  std::vector<double> policies;
  for (int row = 0; row < 50 * 4; ++row) policies.insert(policies.end(), {1, 0});
  auto const found = evaluate(game, policies);
  // The first route is safe with 0.2, the second with 0.8: w is 2 with 0.2, 1 with 0.8.
  double const ahead = 9 - 100 * (0.2 * 2 + 0.8 * 1);
  for (std::size_t s = 0; s < 4; ++s) EXPECT_NEAR(found.value[s], 9 - 100 * (s < 2 ? 2.0 : 1.0) + ahead, 1e-10);
  EXPECT_GT(found.nash_distance()[7], 100);
}

TEST(Evaluation, RefusesWhatDoesNotFit) {
  auto const game = routing_variant(2, 2, true, true);
  std::vector<double> const uniform(16, 0.5);
  EXPECT_ERROR(ShapeError, "krate::games::evaluate: policies have 3 entries, expected [2, 4, 2]",
               evaluate(game, std::vector<double>(3)));
  EXPECT_ERROR(ValueError, "tau = -1", evaluate(game, uniform, -1));
  EXPECT_ERROR(ValueError, "states = 2048", evaluate(routing_variant(2, 11, true, true), uniform));
  EXPECT_ERROR(ShapeError, "krate::games::discounted_sum: stage_reward has 1 entries, expected 16",
               discounted_sum(tabulated(game), std::vector<double>(1), uniform));
  std::vector<double> policies = uniform;
  EXPECT_ERROR(ValueError, "krate::games::mean_field_step: tau = 0", mean_field_step(game, 0, 0.1, policies));
  EXPECT_ERROR(ValueError, "beta = 2", mean_field_step(game, 1, 2, policies));

  FiniteGame const good{.actions = {1, 2}, .states = 1, .rewards = {1, 2, 3, 4}, .transitions = {1, 1}};
  EXPECT_NO_THROW(require_valid(good));
  auto const broken = [&](auto const& change) {
    FiniteGame g = good;
    change(g);
    return g;
  };
  EXPECT_ERROR(ValueError, "players = 0", require_valid(FiniteGame{}));
  EXPECT_ERROR(ValueError, "states = 0", require_valid(broken([](auto& g) { g.states = 0; })));
  EXPECT_ERROR(ValueError, "actions = 0", require_valid(broken([](auto& g) { g.actions[0] = 0; })));
  EXPECT_ERROR(ValueError, "discount = 1", require_valid(broken([](auto& g) { g.discount = 1; })));
  EXPECT_ERROR(ShapeError, "rewards has 3 entries, expected 4",
               require_valid(broken([](auto& g) { g.rewards.pop_back(); })));
  EXPECT_ERROR(ShapeError, "start has 2 entries, expected 1", require_valid(broken([](auto& g) {
                 g.start = {0.5, 0.5};
               })));
  EXPECT_ERROR(ValueError, "transitions: row 1 adds up to 0.5",
               require_valid(broken([](auto& g) { g.transitions[1] = 0.5; })));
  EXPECT_ERROR(ValueError, "rewards hold nan at place 2",
               require_valid(broken([](auto& g) { g.rewards[2] = std::nan(""); })));
  EXPECT_ERROR(ValueError, "start: row 0 has a negative entry", require_valid(broken([](auto& g) { g.start = {-1}; })));
}

}  // namespace
}  // namespace krate::games
