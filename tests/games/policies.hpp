// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/games/evaluation.hpp"
#include "support/array.hpp"

namespace krate::testing {

/// [players, states, actions], each row a distribution with all of its actions likely.
inline std::vector<double> random_policies(std::uint64_t seed, std::size_t players, std::size_t states,
                                           std::size_t actions) {
  auto p = filled(seed, {players * states, actions}, 0.45, 0.5).data;
  for (std::size_t row = 0; row < p.size(); row += actions) {
    double sum = 0;
    for (std::size_t a = 0; a < actions; ++a) sum += p[row + a];
    for (std::size_t a = 0; a < actions; ++a) p[row + a] /= sum;
  }
  return p;
}

inline games::RoutingGame routing_variant(std::size_t players, std::size_t routes, bool common, bool dependent) {
  auto game = games::routing_game(players, routes);
  game.rewards = common ? games::Rewards::common : games::Rewards::individual;
  game.transitions = dependent ? games::Transitions::action_dependent : games::Transitions::strategy_independent;
  return game;
}

inline double largest_gap(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const e = std::abs(a[i] - b[i]);
    worst = e <= worst ? worst : e;  // NaN stays
  }
  return worst;
}

}  // namespace krate::testing
