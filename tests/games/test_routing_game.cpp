// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The routing game's tables against plain loops, and its potential identities (G1).
#include "games/games_oracle.hpp"
#include "games/policies.hpp"
#include "support/op_test.hpp"

namespace krate::games {
namespace {

using namespace krate::testing;

TEST(RoutingGame, TablesAreThoseOfPlainLoops) {
  struct Size {
    int players, routes;
  };
  for (Size const size : {Size{1, 1}, {1, 2}, {4, 2}, {3, 3}, {6, 2}, {2, 4}})
    for (bool const common : {true, false})
      for (bool const dependent : {true, false}) {
        auto const plain = plain_routing(size.players, size.routes, common, dependent);
        auto const tables = tabulated(routing_variant(size.players, size.routes, common, dependent));
        auto const joint = joint_actions(plain);
        std::vector<double> rewards, transitions;
        for (int i = 0; i < size.players; ++i)
          for (int s = 0; s < plain.states; ++s)
            for (auto const& a : joint) rewards.push_back(plain.reward(i, s, a));
        for (int s = 0; s < plain.states; ++s)
          for (auto const& a : joint) {
            auto const p = plain.transition(s, a);
            transitions.insert(transitions.end(), p.begin(), p.end());
          }
        EXPECT_EQ(tables.rewards, rewards);
        EXPECT_LE(largest_gap(tables.transitions, transitions), 1e-14);
      }
}

/// Largest |V_i change - potential change| over random deviations of one player.
double identity_error(RoutingGame const& game, bool common) {
  auto const tables = tabulated(game);
  std::size_t const n = game.players, own = game.states() * game.routes(),
                    joint = game.states() * tables.joint_actions();
  auto const stage =
      common ? std::vector<double>(tables.rewards.begin(), tables.rewards.begin() + joint) : stage_potential(game);
  double worst = 0;
  for (std::uint64_t k = 0; k < 200; ++k) {
    auto const policies = random_policies(2 * k, n, game.states(), game.routes());
    auto const replies = random_policies(2 * k + 1, n, game.states(), game.routes());
    std::size_t const i = k % n;
    auto changed = policies;
    std::copy_n(replies.begin() + i * own, own, changed.begin() + i * own);
    auto const before = evaluate(game, policies), after = evaluate(game, changed);
    auto const potential = discounted_sum(tables, stage, policies), now = discounted_sum(tables, stage, changed);
    for (std::size_t s = 0; s < game.states(); ++s) {
      std::size_t const at = i * game.states() + s;
      worst = std::max(worst, std::abs(after.value[at] - before.value[at] - (now[s] - potential[s])));
    }
  }
  return worst;
}

TEST(RoutingGame, PotentialIdentity) {
  EXPECT_LE(identity_error(routing_variant(4, 2, true, true), true), 1e-12);
  EXPECT_LE(identity_error(routing_variant(3, 3, true, true), true), 1e-12);
  EXPECT_LE(identity_error(routing_variant(4, 2, false, false), false), 1e-12);
  EXPECT_LE(identity_error(routing_variant(3, 3, false, false), false), 1e-12);
  EXPECT_GT(identity_error(routing_variant(4, 2, false, true), false), 0.5);  // no potential game
}

TEST(RoutingGame, MeanTransitionIsADistributionForManyPlayers) {
  for (std::size_t const players : {1, 2, 40, 300})
    for (std::size_t const routes : {1, 2, 5}) {
      double sum = 0;
      for (double const p : mean_transition(routing_variant(players, routes, true, false))) {
        EXPECT_GE(p, 0);
        sum += p;
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  // So many players crowd both routes all but surely.
  auto const p = mean_transition(routing_variant(300, 2, true, false));
  EXPECT_NEAR(p[0], 0.04, 1e-12);
  EXPECT_NEAR(p[3], 0.64, 1e-12);
}

TEST(RoutingGame, RefusesWhatIsOutOfRange) {
  auto const broken = [](auto const& change) {
    RoutingGame game;
    change(game);
    return game;
  };
  EXPECT_ERROR(ValueError, "krate::games::RoutingGame: players = 0", require_valid(routing_game(0, 2)));
  EXPECT_ERROR(ValueError, "routes = 0", require_valid(routing_game(2, 0)));
  EXPECT_ERROR(ValueError, "routes = 17", require_valid(routing_game(2, 17)));
  EXPECT_ERROR(ShapeError, "slope has 1 entries, expected 2", require_valid(broken([](auto& g) { g.slope = {1}; })));
  EXPECT_ERROR(ValueError, "bonus = nan", require_valid(broken([](auto& g) { g.bonus[0] = std::nan(""); })));
  EXPECT_ERROR(ValueError, "weight = inf", require_valid(broken([](auto& g) { g.weight_safe = INFINITY; })));
  EXPECT_ERROR(ValueError, "safe_when = 1.5", require_valid(broken([](auto& g) { g.safe_when_free = 1.5; })));
  EXPECT_ERROR(ValueError, "discount = 1", require_valid(broken([](auto& g) { g.discount = 1; })));
  EXPECT_ERROR(ValueError, "only small games can be tabulated", tabulated(routing_game(40, 2)));
}

}  // namespace
}  // namespace krate::games
