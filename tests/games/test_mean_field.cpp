// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dynamics without noise (G3): the theorem as it can be seen.
#include <gtest/gtest.h>

#include "games/policies.hpp"

namespace krate::games {
namespace {

using namespace krate::testing;

/// What each start ends at: the largest Nash distance, and the largest fall of the potential on the way.
struct Way {
  double gap = 0, fall = 0;
};
Way follow(RoutingGame const& game, double tau, std::uint64_t seed) {
  auto policies = random_policies(seed, game.players, game.states(), game.routes());
  bool const common = game.rewards == Rewards::common;
  auto const tables = tabulated(game);
  auto const stage = stage_potential(game);
  auto const potential = [&] {
    auto v = common ? evaluate(game, policies).value : discounted_sum(tables, stage, policies);
    v.resize(game.states());
    return std::accumulate(v.begin(), v.end(), 0.0);
  };
  Way way;
  double last = potential();
  for (int k = 1; k <= 4000; ++k) {
    mean_field_step(game, tau, 0.01, policies);
    if (k % 20 > 0) continue;
    double const now = potential();
    way.fall = std::max(way.fall, last - now);
    last = now;
  }
  for (double const d : evaluate(game, policies).nash_distance()) way.gap = std::max(way.gap, d);
  return way;
}

TEST(MeanField, ThePotentialGrowsAndTheGapCloses) {
  for (std::uint64_t const seed : {1, 2, 3}) {
    for (double const tau : {1e-6, 1e-3, 0.1}) {
      auto const way = follow(routing_variant(4, 2, true, true), tau, seed);
      EXPECT_LE(way.gap, 1e-3) << tau << " " << seed;
      EXPECT_LE(way.fall, 1e-9) << tau << " " << seed;
    }
    EXPECT_LE(follow(routing_variant(4, 2, false, false), 1e-3, seed).gap, 1e-3) << seed;
    double const blurred = follow(routing_variant(4, 2, true, true), 1, seed).gap;
    EXPECT_GT(blurred, 0.01);  // tau = 1 is not the game itself any more
    EXPECT_LT(blurred, 1);
  }
}

}  // namespace
}  // namespace krate::games
