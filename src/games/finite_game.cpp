// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/finite_game.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "krate/core/require.hpp"

namespace krate::games {

namespace {

constexpr char const* in_finite_game = "krate::games::FiniteGame";

void require_finite(char const* name, std::vector<double> const& numbers) {
  auto const bad = std::find_if(numbers.begin(), numbers.end(), [](double x) { return !std::isfinite(x); });
  if (bad != numbers.end())
    throw ValueError(in_finite_game, std::string(name) + " hold " + krate::impl::value_text(*bad) + " at place " +
                                         std::to_string(bad - numbers.begin()) + "; they must be finite");
}

void require_distributions(char const* name, std::vector<double> const& rows, std::size_t width) {
  for (std::size_t at = 0; at < rows.size(); at += width) {
    auto const row = rows.begin() + static_cast<std::ptrdiff_t>(at);
    double const sum = std::accumulate(row, row + static_cast<std::ptrdiff_t>(width), 0.0);
    bool const negative = *std::min_element(row, row + static_cast<std::ptrdiff_t>(width)) < 0;
    if (negative || !(std::abs(sum - 1) <= 1e-9))
      throw ValueError(in_finite_game,
                       std::string(name) + ": row " + std::to_string(at / width) +
                           (negative ? " has a negative entry" : " adds up to " + krate::impl::value_text(sum)) +
                           " (it is a distribution); scale it");
  }
}

void require_size(char const* name, std::size_t found, std::size_t expected, char const* shape) {
  if (found != expected)
    throw ShapeError(in_finite_game, std::string(name) + " has " + std::to_string(found) + " entries, expected " +
                                         std::to_string(expected) + " (" + shape + "); pass this game's table");
}

}  // namespace

std::size_t FiniteGame::most_actions() const {
  return actions.empty() ? 0 : *std::max_element(actions.begin(), actions.end());
}

std::size_t FiniteGame::joint_actions() const {
  std::size_t joint = 1;
  for (std::size_t const a : actions) joint *= a;
  return joint;
}

void require_valid(FiniteGame const& game) {
  require_value(game.players() > 0, in_finite_game, "players", game.players(), "must be positive");
  require_value(game.states > 0, in_finite_game, "states", game.states, "must be positive");
  double entries = static_cast<double>(game.states) * static_cast<double>(game.states + game.players());
  for (std::size_t const a : game.actions) {
    require_value(a > 0, in_finite_game, "actions", a, "must be positive for each player");
    entries *= static_cast<double>(a);
  }
  require_value(entries <= (1 << 30), in_finite_game, "joint actions", entries,
                "table entries are too many (2^30); a routing game needs no tables");
  require_value(game.discount >= 0 && game.discount < 1, in_finite_game, "discount", game.discount,
                "must be in [0, 1)");
  std::size_t const joint = game.joint_actions();
  require_size("rewards", game.rewards.size(), game.players() * game.states * joint,
               "[players, states, joint actions]");
  require_size("transitions", game.transitions.size(), game.states * joint * game.states,
               "[states, joint actions, states]");
  if (!game.start.empty()) require_size("start", game.start.size(), game.states, "[states]");
  require_finite("rewards", game.rewards);
  require_distributions("transitions", game.transitions, game.states);
  if (!game.start.empty()) require_distributions("start", game.start, game.states);
}

}  // namespace krate::games
