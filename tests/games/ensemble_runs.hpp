// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/games_oracle.hpp"
#include "krate/games/ensemble.hpp"
#include "krate/games/evaluation.hpp"
#include "support/op_test.hpp"

namespace {

using krate::games::FiniteGame;
using krate::games::LearningRule;
using krate::games::RandomStream;
using krate::games::RoutingGame;
using krate::games::Snapshot;
using krate::testing::Array;
using Ensemble = krate::games::Ensemble<TestSpace>;

/// Memory of records at these stages.
struct RecordMemory {
  Kokkos::View<std::int64_t*, krate::DeviceOf<TestSpace>> stages;
  Kokkos::View<double***, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> policy, q;

  RecordMemory(Ensemble const& ensemble, std::vector<std::int64_t> const& at)
      : stages("krate::test::stages", at.size()),
        policy("krate::test::policy", at.size(), ensemble.replicas(), ensemble.size()),
        q("krate::test::q", at.size(), ensemble.replicas(), ensemble.size()) {
    krate::testing::write_on_host(stages, [&](auto const& host) {
      for (std::size_t i = 0; i < at.size(); ++i) host(i) = at[i];
    });
  }
  krate::games::Records<TestSpace> view() const { return {stages, policy, q}; }
};

/// Nash distances of all records, [records, replicas, players]; those of policies and q likewise.
struct DistanceArrays {
  Array policy, q, nash;
};
inline DistanceArrays measured(Ensemble& ensemble, RecordMemory const& records) {
  TestSpace const space;
  std::size_t const count = records.stages.extent(0);
  krate::testing::Guarded<TestSpace, double, 3> policy(count, ensemble.replicas(), ensemble.players()),
      q(count, ensemble.replicas(), ensemble.players()), nash(count, ensemble.replicas(), ensemble.players());
  krate::Arena<TestSpace> const arena(space, ensemble.measure_workspace());
  ensemble.measure(space, records.view(), arena.workspace(), {policy.view(), q.view(), nash.view()});
  EXPECT_TRUE(policy.intact() && q.intact() && nash.intact());
  return {policy.array(), q.array(), nash.array()};
}

inline RoutingGame routing(std::size_t players, std::size_t routes, bool common = true, bool dependent = true) {
  RoutingGame game = krate::games::routing_game(players, routes);
  game.rewards = common ? krate::games::Rewards::common : krate::games::Rewards::individual;
  game.transitions =
      dependent ? krate::games::Transitions::action_dependent : krate::games::Transitions::strategy_independent;
  return game;
}

inline std::vector<LearningRule> rules_with_seeds(LearningRule rule, std::vector<std::uint64_t> const& seeds) {
  std::vector<LearningRule> rules;
  for (auto const seed : seeds) {
    rule.seed = seed;
    rules.push_back(rule);
  }
  return rules;
}

inline double largest_difference(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const e = std::abs(a[i] - b[i]);
    worst = e <= worst ? worst : e;  // NaN stays
  }
  return worst;
}

}  // namespace
