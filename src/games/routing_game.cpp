// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/routing_game.hpp"

#include <algorithm>
#include <cmath>

#include "krate/core/require.hpp"

namespace krate::games {

namespace {

constexpr char const* in_routing_game = "krate::games::RoutingGame";

double probability_of(RoutingGame const& game, std::size_t crowded, std::size_t state) {
  double p = 1;
  for (std::size_t e = game.routes(); e-- > 0;) {
    double const safe = crowded >> e & 1 ? game.safe_when_crowded : game.safe_when_free;
    p *= state >> e & 1 ? 1 - safe : safe;
  }
  return p;
}

std::size_t joint_count(RoutingGame const& game) {
  double const joint = std::pow(static_cast<double>(game.routes()), static_cast<double>(game.players));
  double const states = static_cast<double>(game.states());
  require_value(joint * states * (states + static_cast<double>(game.players)) <= (1 << 24), in_routing_game, "players",
                game.players, "make more than 2^24 table entries; only small games can be tabulated");
  return static_cast<std::size_t>(joint + 0.5);
}

/// How many players joint action `joint` puts on each route; @return the route of each player
std::vector<std::size_t> routes_taken(RoutingGame const& game, std::size_t joint, std::vector<double>& count) {
  std::vector<std::size_t> taken(game.players);
  count.assign(game.routes(), 0);
  for (std::size_t i = game.players; i-- > 0; joint /= game.routes()) {
    taken[i] = joint % game.routes();
    ++count[taken[i]];
  }
  return taken;
}

double weight(RoutingGame const& game, std::size_t state, std::size_t route) {
  bool const unsafe = state >> (game.routes() - 1 - route) & 1;
  return (unsafe ? game.weight_unsafe : game.weight_safe) * game.slope[route];
}

}  // namespace

RoutingGame routing_game(std::size_t players, std::size_t routes) {
  RoutingGame game;
  game.players = players;
  game.bonus.clear();
  game.slope.clear();
  for (std::size_t e = 0; e < routes; ++e) {
    game.bonus.push_back(9 + 7 * static_cast<double>(e));
    game.slope.push_back(2 + 2 * static_cast<double>(e));
  }
  return game;
}

void require_valid(RoutingGame const& game) {
  require_value(game.players > 0 && game.players <= (1 << 20), in_routing_game, "players", game.players,
                "must be from 1 to 2^20");
  require_value(game.routes() > 0 && game.routes() <= most_routes, in_routing_game, "routes", game.routes(),
                "must be from 1 to 16: all their statuses are states");
  if (game.slope.size() != game.routes())
    throw ShapeError(in_routing_game, "slope has " + std::to_string(game.slope.size()) + " entries, expected " +
                                          std::to_string(game.routes()) + " (one a route, as bonus); pass both alike");
  for (double const x : game.bonus) require_value(std::isfinite(x), in_routing_game, "bonus", x, "must be finite");
  for (double const x : game.slope) require_value(std::isfinite(x), in_routing_game, "slope", x, "must be finite");
  for (double const w : {game.weight_safe, game.weight_unsafe})
    require_value(std::isfinite(w), in_routing_game, "weight", w, "must be finite");
  for (double const p : {game.safe_when_free, game.safe_when_crowded})
    require_value(p >= 0 && p <= 1, in_routing_game, "safe_when", p, "must be a probability");
  require_value(game.discount >= 0 && game.discount < 1, in_routing_game, "discount", game.discount,
                "must be in [0, 1)");
}

std::vector<double> mean_transition(RoutingGame const& game) {
  require_valid(game);
  std::size_t const n = game.players, states = game.states();
  // [statuses crowd], [players left]: probability, after some routes have drawn who takes them.
  std::vector<double> now(states * (n + 1), 0), next;
  now[n] = 1;
  for (std::size_t e = 0; e < game.routes(); ++e) {
    double const p = 1 / static_cast<double>(game.routes() - e);  // of a player that no earlier route took
    next.assign(now.size(), 0);
    for (std::size_t left = 0; left <= n; ++left) {
      double choose = p < 1 ? std::pow(1 - p, static_cast<double>(left)) : left == 0 ? 1.0 : 0.0;
      for (std::size_t count = 0; count <= left; ++count) {
        double const chance = p < 1 ? choose : count == left ? 1.0 : 0.0;
        for (std::size_t crowded = 0; crowded < std::size_t(1) << e; ++crowded)
          next[(2 * crowded + (count >= game.crowd)) * (n + 1) + left - count] +=
              chance * now[crowded * (n + 1) + left];
        choose *= static_cast<double>(left - count) / static_cast<double>(count + 1) * p / (1 - p);
      }
    }
    now.swap(next);
  }
  std::vector<double> mean(states, 0);
  for (std::size_t crowded = 0; crowded < states; ++crowded)
    for (std::size_t s = 0; s < states; ++s) mean[s] += now[crowded * (n + 1)] * probability_of(game, crowded, s);
  return mean;
}

FiniteGame tabulated(RoutingGame const& game) {
  require_valid(game);
  std::size_t const n = game.players, states = game.states(), joint = joint_count(game);
  FiniteGame table{.actions = std::vector<std::size_t>(n, game.routes()), .states = states, .discount = game.discount};
  table.rewards.resize(n * states * joint);
  bool const independent = game.transitions == Transitions::strategy_independent;
  auto const mean = independent ? mean_transition(game) : std::vector<double>();
  std::vector<double> count;
  for (std::size_t s = 0; s < states; ++s)
    for (std::size_t j = 0; j < joint; ++j) {
      auto const taken = routes_taken(game, j, count);
      std::size_t crowded = 0;
      double sum = 0;
      std::vector<double> reward(game.routes());
      for (std::size_t e = 0; e < game.routes(); ++e) {
        crowded = 2 * crowded + (count[e] >= static_cast<double>(game.crowd));
        reward[e] = game.bonus[e] - weight(game, s, e) * count[e];
        sum += count[e] * reward[e];
      }
      for (std::size_t i = 0; i < n; ++i)
        table.rewards[(i * states + s) * joint + j] = game.rewards == Rewards::common ? sum : reward[taken[i]];
      for (std::size_t to = 0; to < states; ++to)
        table.transitions.push_back(independent ? mean[to] : probability_of(game, crowded, to));
    }
  return table;
}

std::vector<double> stage_potential(RoutingGame const& game) {
  require_valid(game);
  std::size_t const joint = joint_count(game);
  std::vector<double> potential, count;
  for (std::size_t s = 0; s < game.states(); ++s)
    for (std::size_t j = 0; j < joint; ++j) {
      routes_taken(game, j, count);
      double sum = 0;
      for (std::size_t e = 0; e < game.routes(); ++e)
        sum += count[e] * (game.bonus[e] - weight(game, s, e) * (count[e] + 1) / 2);
      potential.push_back(sum);
    }
  return potential;
}

}  // namespace krate::games
