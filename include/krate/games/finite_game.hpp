// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

namespace krate::games {

/// A Markov game given by tables. Joint actions are numbered row-major over the players, the last one fastest.
struct FiniteGame {
  std::vector<std::size_t> actions{};  ///< how many each player has
  std::size_t states = 0;
  double discount = 0.5;              ///< in [0, 1)
  std::vector<double> rewards{};      ///< [players, states, joint actions] u_i(s, a)
  std::vector<double> transitions{};  ///< [states, joint actions, states] P(s' | s, a), sums are 1
  std::vector<double> start{};        ///< [states], the first state's distribution; empty: uniform

  std::size_t players() const { return actions.size(); }
  std::size_t most_actions() const;
  std::size_t joint_actions() const;
};

/// @throws ShapeError if tables and sizes disagree; ValueError for no player, action or state, a discount outside
///         [0, 1), what is not finite, and rows that are no distributions
void require_valid(FiniteGame const& game);

}  // namespace krate::games
