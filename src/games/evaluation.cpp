// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "games/impl/decision.hpp"
#include "krate/core/require.hpp"
#include "krate/games/impl/flat_tables.hpp"

namespace krate::games {

namespace {

using impl::Decision;

/// A player's problem with its memory.
struct Problem {
  std::vector<double> memory;
  Decision decision;
  template <class Tables>
  explicit Problem(Tables const& game)
      : memory(Decision::doubles(game.states, game.most_actions(), impl::oppose_weights(game))),
        decision(game.states, game.most_actions(), game.discount, memory.data()) {}
};

void require_policies(std::size_t found, std::size_t players, std::size_t states, std::size_t actions) {
  if (found == players * states * actions) return;
  throw ShapeError("krate::games::evaluate",
                   "policies have " + std::to_string(found) + " entries, expected " +
                       krate::impl::shape_text(std::vector<std::size_t>{players, states, actions}) +
                       " (players, states, actions); pass one policy a player");
}

template <class Tables>
std::vector<double> chain_of(Tables const& game, Decision const& d, double const* policy) {
  std::vector<double> chain(static_cast<std::size_t>(game.states) * game.states, 0);
  for (int s = 0; s < d.states; ++s)
    for (int a = 0; a < d.actions; ++a)
      for (int next = 0; next < d.states; ++next)
        chain[s * d.states + next] += policy[s * d.actions + a] * d.to(s, a)[next];
  return chain;
}

/// start^T (1 - discount P)^-1 (1 - discount): the sum is 1.
std::vector<double> visits(Decision const& d, std::vector<double> const& chain, std::vector<double> const& start) {
  for (int s = 0; s < d.states; ++s) {
    double* const row = d.matrix + s * (d.states + 1);
    for (int next = 0; next < d.states; ++next) row[next] = (next == s) - d.discount * chain[next * d.states + s];
    row[d.states] = (1 - d.discount) * start[s];
  }
  std::vector<double> found(d.states);
  d.solve(found.data());
  return found;
}

void append_q(std::vector<double>& q, Decision const& d, double const* value, double const* policy, double tau,
              int usable) {
  for (int s = 0; s < d.states; ++s) {
    double entropy = 0;
    for (int a = 0; tau > 0 && a < usable; ++a) {
      double const p = policy[s * d.actions + a];
      if (p > 0) entropy += p * std::log(p);
    }
    for (int a = 0; a < d.actions; ++a) q.push_back(a < usable ? d.look_ahead(s, a, value) - tau * entropy : 0);
  }
}

template <class Tables>
Evaluation evaluate_tables(Tables const& game, std::vector<double> const& start, std::span<double const> policies,
                           double tau) {
  auto const states = static_cast<std::size_t>(game.states), actions = static_cast<std::size_t>(game.most_actions());
  Evaluation found{.players = static_cast<std::size_t>(game.players), .states = states, .actions = actions};
  require_policies(policies.size(), found.players, states, actions);
  Problem const problem(game);
  Decision const& d = problem.decision;
  for (int i = 0; i < game.players; ++i) {
    double const* const own = policies.data() + i * states * actions;
    impl::oppose(game, policies.data(), i, d);
    if (i == 0) {
      found.chain = chain_of(game, d, own);
      found.occupancy = visits(d, found.chain, start);
    }
    for (std::size_t s = 0; s < states; ++s) {
      double reward = 0;
      for (std::size_t a = 0; a < actions; ++a) reward += own[s * actions + a] * d.rewards[s * actions + a];
      found.reward.push_back(reward);
    }
    d.evaluate(own, tau);
    found.value.insert(found.value.end(), d.value, d.value + states);
    append_q(found.q, d, d.value, own, tau, game.actions_of(i));
    d.reply_best(game.actions_of(i));
    found.best_value.insert(found.best_value.end(), d.best, d.best + states);
    append_q(found.best_q, d, d.best, own, 0, game.actions_of(i));
  }
  return found;
}

template <class Game>
std::vector<double> start_of(Game const& game, std::size_t states) {
  if constexpr (std::is_same_v<Game, FiniteGame>) {
    if (!game.start.empty()) return game.start;
  }
  return std::vector<double>(states, 1.0 / static_cast<double>(states));
}

void require_small(std::size_t states) {
  require_value(states <= 1024, "krate::games::evaluate", "states", states,
                "must be at most 1024: their equations are solved densely");
}

template <class Game>
Evaluation evaluate_game(Game const& game, std::size_t states, std::span<double const> policies, double tau) {
  require_valid(game);
  require_small(states);
  require_value(tau >= 0 && std::isfinite(tau), "krate::games::evaluate", "tau", tau, "must not be negative");
  auto const flat = impl::flattened(game);
  return evaluate_tables(impl::tables_at(game, flat.numbers.data(), flat.integers.data()), start_of(game, states),
                         policies, tau);
}

template <class Game>
void mean_field(Game const& game, double tau, double beta, std::span<double> policies,
                std::vector<std::size_t> const& actions) {
  constexpr char const* where = "krate::games::mean_field_step";
  require_value(tau > 0 && std::isfinite(tau), where, "tau", tau, "must be positive");
  require_value(beta > 0 && beta <= 1, where, "beta", beta, "must be above 0 and at most 1");
  auto const now = evaluate(game, policies, tau);
  for (std::size_t i = 0; i < now.players; ++i)
    for (std::size_t s = 0; s < now.states; ++s) {
      std::size_t const at = (i * now.states + s) * now.actions;
      double const* const q = now.q.data() + at;
      double const most = *std::max_element(q, q + actions[i]);
      double sum = 0;
      for (std::size_t a = 0; a < actions[i]; ++a) sum += std::exp((q[a] - most) / tau);
      for (std::size_t a = 0; a < actions[i]; ++a)
        policies[at + a] += beta * (std::exp((q[a] - most) / tau) / sum - policies[at + a]);
    }
}

}  // namespace

std::vector<double> Evaluation::nash_distance() const {
  std::vector<double> distance(players, 0);
  for (std::size_t i = 0; i < players; ++i)
    for (std::size_t s = 0; s < states; ++s)
      distance[i] += std::abs(best_value[i * states + s] - value[i * states + s]);
  return distance;
}

Evaluation evaluate(FiniteGame const& game, std::span<double const> policies, double tau) {
  return evaluate_game(game, game.states, policies, tau);
}
Evaluation evaluate(RoutingGame const& game, std::span<double const> policies, double tau) {
  return evaluate_game(game, game.states(), policies, tau);
}

std::vector<double> discounted_sum(FiniteGame const& game, std::span<double const> stage_reward,
                                   std::span<double const> policies) {
  if (stage_reward.size() != game.states * game.joint_actions())
    throw ShapeError("krate::games::discounted_sum", "stage_reward has " + std::to_string(stage_reward.size()) +
                                                         " entries, expected " +
                                                         std::to_string(game.states * game.joint_actions()) +
                                                         " ([states, joint actions]); pass one a joint action");
  FiniteGame alone = game;  // all players' common reward
  alone.rewards.clear();
  for (std::size_t i = 0; i < game.players(); ++i)
    alone.rewards.insert(alone.rewards.end(), stage_reward.begin(), stage_reward.end());
  auto value = evaluate(alone, policies).value;
  value.resize(game.states);
  return value;
}

void mean_field_step(FiniteGame const& game, double tau, double beta, std::span<double> policies) {
  mean_field(game, tau, beta, policies, game.actions);
}
void mean_field_step(RoutingGame const& game, double tau, double beta, std::span<double> policies) {
  mean_field(game, tau, beta, policies, std::vector<std::size_t>(game.players, game.routes()));
}

}  // namespace krate::games
