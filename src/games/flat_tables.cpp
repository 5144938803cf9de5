// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/impl/flat_tables.hpp"

#include <algorithm>

namespace krate::games::impl {

namespace {

void append(std::vector<double>& to, std::vector<double> const& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Sums of rows of `width`, from the left.
std::vector<double> cumulated(std::vector<double> rows, std::size_t width) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i % width > 0) rows[i] += rows[i - 1];
  return rows;
}

}  // namespace

FlatTables flattened(RoutingGame const& game) {
  FlatTables flat;
  if (game.transitions == Transitions::action_dependent) return flat;
  flat.numbers = mean_transition(game);
  append(flat.numbers, cumulated(flat.numbers, flat.numbers.size()));
  return flat;
}

RoutingTables tables_at(RoutingGame const& game, double const* numbers, int const*) {
  RoutingTables t;
  t.players = static_cast<int>(game.players);
  t.routes = static_cast<int>(game.routes());
  t.states = static_cast<int>(game.states());
  t.crowd = static_cast<int>(std::min(game.crowd, game.players + 1));
  t.discount = game.discount;
  t.safe_when_free = game.safe_when_free;
  t.safe_when_crowded = game.safe_when_crowded;
  t.is_common = game.rewards == Rewards::common;
  for (std::size_t e = 0; e < game.routes(); ++e) {
    t.bonus[e] = game.bonus[e];
    t.slope[0][e] = game.weight_safe * game.slope[e];
    t.slope[1][e] = game.weight_unsafe * game.slope[e];
  }
  if (game.transitions == Transitions::strategy_independent) {
    t.mean_transition = numbers;
    t.mean_cumulative = numbers + game.states();
  }
  return t;
}

FlatTables flattened(FiniteGame const& game) {
  FlatTables flat;
  append(flat.numbers, game.rewards);
  append(flat.numbers, game.transitions);
  append(flat.numbers, cumulated(game.transitions, game.states));
  std::vector<double> const uniform(game.states, 1.0 / static_cast<double>(game.states));
  append(flat.numbers, cumulated(game.start.empty() ? uniform : game.start, game.states));
  for (std::size_t const a : game.actions) flat.integers.push_back(static_cast<int>(a));
  std::vector<int> strides(game.players(), 1);
  for (std::size_t i = game.players() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * static_cast<int>(game.actions[i + 1]);
  flat.integers.insert(flat.integers.end(), strides.begin(), strides.end());
  return flat;
}

FiniteTables tables_at(FiniteGame const& game, double const* numbers, int const* integers) {
  FiniteTables t;
  t.players = static_cast<int>(game.players());
  t.states = static_cast<int>(game.states);
  t.actions = static_cast<int>(game.most_actions());
  t.joint = static_cast<int>(game.joint_actions());
  t.discount = game.discount;
  t.rewards = numbers;
  t.transitions = t.rewards + game.rewards.size();
  t.cumulative = t.transitions + game.transitions.size();
  t.start_cumulative = t.cumulative + game.transitions.size();
  t.counts = integers;
  t.strides = integers + game.players();
  return t;
}

}  // namespace krate::games::impl
