// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Games as kernels see them: plain values, with pointers into memory that the kernel's space reaches.
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

#include "krate/games/routing_game.hpp"

namespace krate::games::impl {

/// Where cumulative sums pass u times their total; the last one at most.
KOKKOS_INLINE_FUNCTION int place_in(double const* cumulative, int count, double u) {
  double const x = u * cumulative[count - 1];
  int at = 0;
  while (at < count - 1 && cumulative[at] <= x) ++at;
  return at;
}

struct RoutingTables {
  int players = 0, routes = 0, states = 0, crowd = 0;
  double discount = 0, safe_when_free = 0, safe_when_crowded = 0;
  bool is_common = true;
  double bonus[most_routes] = {}, slope[2][most_routes] = {};  ///< slope: w m, by status
  double const* mean_transition = nullptr;                     ///< [states]; null: transitions depend on actions
  double const* mean_cumulative = nullptr;

  KOKKOS_INLINE_FUNCTION int most_actions() const { return routes; }
  KOKKOS_INLINE_FUNCTION int actions_of(int) const { return routes; }
  KOKKOS_INLINE_FUNCTION int status(int state, int route) const { return state >> (routes - 1 - route) & 1; }
  KOKKOS_INLINE_FUNCTION double route_reward(int state, int route, double count) const {
    return bonus[route] - slope[status(state, route)][route] * count;
  }
  KOKKOS_INLINE_FUNCTION double safe(bool crowded) const { return crowded ? safe_when_crowded : safe_when_free; }
  KOKKOS_INLINE_FUNCTION int start(double u) const {
    int const s = static_cast<int>(u * states);
    return s < states ? s : states - 1;
  }

  /// What a joint action leads to: players on each route.
  template <int Routes>
  struct Outcome {
    int count[Routes > 0 ? Routes : most_routes];
    double reward[Routes > 0 ? Routes : most_routes];
  };
  template <int Routes>
  KOKKOS_INLINE_FUNCTION Outcome<Routes> outcome(int state, int const* action) const {
    int const m = Routes > 0 ? Routes : routes;
    Outcome<Routes> o;
    for (int e = 0; e < m; ++e) o.count[e] = 0;
    for (int i = 0; i < players; ++i) ++o.count[action[i]];
    double sum = 0;
    for (int e = 0; e < m; ++e) {
      o.reward[e] = route_reward(state, e, o.count[e]);
      sum += o.count[e] * o.reward[e];
    }
    if (is_common)
      for (int e = 0; e < m; ++e) o.reward[e] = sum;
    return o;
  }
  template <int Routes>
  KOKKOS_INLINE_FUNCTION double reward(Outcome<Routes> const& o, int, int, int action) const {
    return o.reward[action];
  }
  /// States in their order share [0, 1): each route's status halves what is left, in proportion.
  template <int Routes>
  KOKKOS_INLINE_FUNCTION int next(Outcome<Routes> const& o, int, double u) const {
    if (mean_cumulative) return place_in(mean_cumulative, states, u);
    int const m = Routes > 0 ? Routes : routes;
    double low = 0, width = 1;
    int state = 0;
    for (int e = 0; e < m; ++e) {
      double const p = safe(o.count[e] >= crowd), middle = low + width * p;
      bool const unsafe = u >= middle;
      low = unsafe ? middle : low;
      width *= unsafe ? 1 - p : p;
      state = 2 * state + unsafe;
    }
    return state;
  }
};

struct FiniteTables {
  int players = 0, states = 0, actions = 0, joint = 0;
  double discount = 0;
  double const *rewards = nullptr, *transitions = nullptr, *cumulative = nullptr, *start_cumulative = nullptr;
  int const *counts = nullptr, *strides = nullptr;  ///< of each player's actions

  KOKKOS_INLINE_FUNCTION int most_actions() const { return actions; }
  KOKKOS_INLINE_FUNCTION int actions_of(int player) const { return counts[player]; }
  KOKKOS_INLINE_FUNCTION int start(double u) const { return place_in(start_cumulative, states, u); }

  template <int>
  struct Outcome {
    int joint;
  };
  template <int Actions>
  KOKKOS_INLINE_FUNCTION Outcome<Actions> outcome(int, int const* action) const {
    int j = 0;
    for (int i = 0; i < players; ++i) j += strides[i] * action[i];
    return {j};
  }
  template <int Actions>
  KOKKOS_INLINE_FUNCTION double reward(Outcome<Actions> const& o, int state, int player, int) const {
    return rewards[(static_cast<std::int64_t>(player) * states + state) * joint + o.joint];
  }
  template <int Actions>
  KOKKOS_INLINE_FUNCTION int next(Outcome<Actions> const& o, int state, double u) const {
    return place_in(cumulative + (static_cast<std::int64_t>(state) * joint + o.joint) * states, states, u);
  }
};

}  // namespace krate::games::impl
