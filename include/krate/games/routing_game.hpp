// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

#include "krate/games/finite_game.hpp"

namespace krate::games {

enum class Rewards { common, individual };
enum class Transitions { action_dependent, strategy_independent };

/// Each of `players` takes one of several routes, each of which is safe (0) or unsafe (1); a state is the statuses of
/// all routes, read as a binary number, the first route its highest digit. On route e with count_e players
///     u_i = b_e - w_e m_e count_e,   w_e = weight_safe or weight_unsafe by the route's status,
/// and the route is safe at the next stage with probability safe_when_crowded if count_e >= crowd, else safe_when_free.
/// With common rewards each player gets the sum over all; with strategy-independent transitions the mean over all joint
/// actions takes the place of these probabilities.
/// Source: Maheshwari, Wu, Pai and Sastry, "Independent and decentralized learning in Markov potential games", with the
/// weights as their experiments have them: twice as much on a *safe* route.
struct RoutingGame {
  std::size_t players = 4;
  std::vector<double> bonus{9, 16};  ///< b, one a route
  std::vector<double> slope{2, 4};   ///< m
  double weight_safe = 2, weight_unsafe = 1;
  std::size_t crowd = 2;
  double safe_when_free = 0.8, safe_when_crowded = 0.2;
  double discount = 0.5;
  Rewards rewards = Rewards::common;
  Transitions transitions = Transitions::action_dependent;

  std::size_t routes() const { return bonus.size(); }
  std::size_t states() const { return std::size_t(1) << routes(); }
  bool operator==(RoutingGame const&) const = default;
};

/// At most so many routes: all their statuses are states.
inline constexpr std::size_t most_routes = 16;

/// The game of so many players and routes: b = 9, 16, 23, ... and m = 2, 4, 6, ...
RoutingGame routing_game(std::size_t players, std::size_t routes);

/// @throws ShapeError if slopes and bonuses differ in number; ValueError for what is out of range or not finite
void require_valid(RoutingGame const& game);

/// Distribution of the next state over all joint actions with equal weights: what strategy-independent transitions
/// take.
std::vector<double> mean_transition(RoutingGame const& game);

/// The same game by tables, for few players. @throws ValueError beyond 2^24 table entries
FiniteGame tabulated(RoutingGame const& game);

/// [states, joint actions] sum_e sum_{k = 1..count_e} (b_e - w_e m_e k), whose change is the individual reward's change
/// of who changes route. @throws ValueError as tabulated()
std::vector<double> stage_potential(RoutingGame const& game);

}  // namespace krate::games
