// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/decision.hpp"
#include "krate/games/ensemble.hpp"

namespace krate::games::impl {

/// A work item is a player of a replica.
template <class Space, class Game>
struct MeasureDistances {
  Game game;
  Records<Space> records;
  Distances<Space> out;
  Matrix<double, Space> memory;  ///< [items, doubles of a Decision]

  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    int const r = static_cast<int>(item / game.players), i = static_cast<int>(item % game.players);
    int const count = static_cast<int>(records.stages.extent(0)), own = game.states * game.most_actions();
    double const *const last = &records.policy(count - 1, r, 0), *const last_q = &records.q(count - 1, r, 0) + i * own;
    Decision const d(game.states, game.most_actions(), game.discount, &memory(item, 0));
    oppose(game, last, i, d);
    d.reply_best(game.actions_of(i));
    for (int k = 0; k < count; ++k) {
      double const *const policy = &records.policy(k, r, 0) + i * own, *const q = &records.q(k, r, 0) + i * own;
      double of_policy = 0, of_q = 0, of_value = 0;
      for (int e = 0; e < own; ++e) {
        of_policy += Kokkos::abs(policy[e] - last[i * own + e]);
        of_q += Kokkos::abs(q[e] - last_q[e]);
      }
      d.evaluate(policy, 0);
      for (int s = 0; s < game.states; ++s) of_value += Kokkos::abs(d.best[s] - d.value[s]);
      out.policy(k, r, i) = of_policy;
      out.q(k, r, i) = of_q;
      out.nash(k, r, i) = of_value;
    }
  }
};

}  // namespace krate::games::impl
