// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One player's problem when the others' policies stand: a Markov decision process, and what can be said of it exactly.
#pragma once

#include "krate/games/impl/game_tables.hpp"

namespace krate::games::impl {

/// Memory for one player's problem, cut from `space`, which has `doubles(...)` numbers.
struct Decision {
  int states, actions;
  double discount;
  double* rewards;      ///< [states, actions]
  double* transitions;  ///< [states, actions, states]
  double* matrix;       ///< [states, states + 1]
  double* value;        ///< [states]
  double* best;         ///< [states]
  double* weights;      ///< scratch of the game

  static std::size_t doubles(std::size_t states, std::size_t actions, std::size_t weights) {
    return states * (actions + actions * states + states + 3) + weights;
  }
  KOKKOS_INLINE_FUNCTION Decision(int s, int a, double d, double* space)
      : states(s),
        actions(a),
        discount(d),
        rewards(space),
        transitions(rewards + s * a),
        matrix(transitions + static_cast<std::int64_t>(s) * a * s),
        value(matrix + s * (s + 1)),
        best(value + s),
        weights(best + s) {}

  KOKKOS_INLINE_FUNCTION double* to(int state, int action) const {
    return transitions + (static_cast<std::int64_t>(state) * actions + action) * states;
  }
  /// r(s, a) + discount sum P(s' | s, a) v(s')
  KOKKOS_INLINE_FUNCTION double look_ahead(int state, int action, double const* v) const {
    double sum = 0;
    double const* const p = to(state, action);
    for (int next = 0; next < states; ++next) sum += p[next] * v[next];
    return rewards[state * actions + action] + discount * sum;
  }
  /// (1 - discount P) x = right-hand side, which stands in the last column; rows are diagonally dominant.
  KOKKOS_INLINE_FUNCTION void solve(double* x) const {
    int const n = states, width = n + 1;
    for (int k = 0; k < n; ++k)
      for (int i = k + 1; i < n; ++i) {
        double const factor = matrix[i * width + k] / matrix[k * width + k];
        if (factor == 0) continue;
        for (int j = k + 1; j <= n; ++j) matrix[i * width + j] -= factor * matrix[k * width + j];
      }
    for (int i = n; i-- > 0;) {
      double sum = matrix[i * width + n];
      for (int j = i + 1; j < n; ++j) sum -= matrix[i * width + j] * x[j];
      x[i] = sum / matrix[i * width + i];
    }
  }
  /// The value of a policy [states, actions] whose rewards are raised by -tau sum pi ln pi.
  KOKKOS_INLINE_FUNCTION void evaluate(double const* policy, double tau) const {
    for (int s = 0; s < states; ++s) {
      double* const row = matrix + s * (states + 1);
      for (int next = 0; next < states; ++next) row[next] = next == s;
      row[states] = 0;
      double entropy = 0;
      for (int a = 0; a < actions; ++a) {
        double const p = policy[s * actions + a];
        if (p == 0) continue;
        for (int next = 0; next < states; ++next) row[next] -= discount * p * to(s, a)[next];
        row[states] += p * rewards[s * actions + a];
        entropy += p * Kokkos::log(p);
      }
      if (tau > 0) row[states] -= tau * entropy;
    }
    solve(value);
  }
  /// The value of the best reply, by policy iteration: a few solves, and exact to rounding. `value` is overwritten.
  /// @param usable  actions that there are; the others are padding
  KOKKOS_INLINE_FUNCTION void reply_best(int usable) const {
    for (int s = 0; s < states; ++s) best[s] = 0;
    for (int round = 0; round < 100; ++round) {
      for (int s = 0; s < states; ++s) {
        int choice = 0;
        for (int a = 1; a < usable; ++a)
          if (look_ahead(s, a, best) > look_ahead(s, choice, best)) choice = a;
        double* const row = matrix + s * (states + 1);
        for (int next = 0; next < states; ++next) row[next] = (next == s) - discount * to(s, choice)[next];
        row[states] = rewards[s * actions + choice];
      }
      solve(value);
      bool better = round == 0;
      for (int s = 0; s < states; ++s) {
        better = better || value[s] > best[s] + 1e-13 * Kokkos::abs(best[s]);
        best[s] = value[s];
      }
      if (!better) return;
    }
  }
};

/// Numbers that oppose() needs beside the problem.
inline std::size_t oppose_weights(RoutingTables const& game) {
  std::size_t counts = 1;
  if (!game.mean_transition)
    for (int e = 0; e < game.routes; ++e) counts *= static_cast<std::size_t>(game.crowd + 1);
  return counts + game.states;
}
inline std::size_t oppose_weights(FiniteTables const&) {
  return 0;
}

/// The distribution of the opponents' counts, each cut off at `crowd`, in mixed radix with the first route last.
KOKKOS_INLINE_FUNCTION int count_opponents(RoutingTables const& game, double const* policies, int player, int state,
                                           double* chance) {
  int size = 1;
  for (int e = 0; e < game.routes; ++e) size *= game.crowd + 1;
  for (int c = 0; c < size; ++c) chance[c] = c == 0;
  for (int i = 0; i < game.players; ++i) {
    if (i == player) continue;
    double const* const pi = policies + (i * game.states + state) * game.routes;
    for (int c = size; c-- > 0;) {  // from above: what it takes from below is not yet overwritten
      double stay = 0, come = 0;
      for (int e = 0, stride = 1; e < game.routes; ++e, stride *= game.crowd + 1) {
        int const count = c / stride % (game.crowd + 1);
        if (count == game.crowd) stay += pi[e];
        if (count > 0) come += pi[e] * chance[c - stride];
      }
      chance[c] = stay * chance[c] + come;
    }
  }
  return size;
}

/// Fills in rewards and transitions of `player` against policies [players, states, actions].
KOKKOS_INLINE_FUNCTION void oppose(RoutingTables const& game, double const* policies, int player, Decision const& d) {
  int const m = game.routes;
  for (int s = 0; s < game.states; ++s) {
    double mean[most_routes], square[most_routes], all = 0;
    for (int e = 0; e < m; ++e) {
      mean[e] = 0;
      double variance = 0;
      for (int i = 0; i < game.players; ++i) {
        double const p = i == player ? 0 : policies[(i * game.states + s) * m + e];
        mean[e] += p;
        variance += p * (1 - p);
      }
      square[e] = mean[e] * mean[e] + variance;
      all += game.bonus[e] * mean[e] - game.slope[game.status(s, e)][e] * square[e];
    }
    for (int a = 0; a < m; ++a) {
      double const slope = game.slope[game.status(s, a)][a];
      d.rewards[s * m + a] =
          game.is_common ? all + game.bonus[a] - slope * (2 * mean[a] + 1) : game.bonus[a] - slope * (mean[a] + 1);
    }
    if (game.mean_transition) {
      for (int a = 0; a < m; ++a)
        for (int next = 0; next < game.states; ++next) d.to(s, a)[next] = game.mean_transition[next];
      continue;
    }
    int const size = count_opponents(game, policies, player, s, d.weights);
    double* const crowded = d.weights + size;  // [2^routes]: which routes are crowded
    for (int a = 0; a < m; ++a) {
      for (int k = 0; k < game.states; ++k) crowded[k] = 0;
      for (int c = 0; c < size; ++c) {
        int which = 0;
        for (int e = 0, rest = c; e < m; ++e, rest /= game.crowd + 1)
          which = 2 * which + (rest % (game.crowd + 1) + (e == a) >= game.crowd);
        crowded[which] += d.weights[c];
      }
      for (int next = 0; next < game.states; ++next) {
        double sum = 0;
        for (int k = 0; k < game.states; ++k) {
          if (crowded[k] == 0) continue;
          double p = crowded[k];
          for (int e = 0; e < m; ++e) {
            double const safe = game.safe(game.status(k, e));
            p *= game.status(next, e) ? 1 - safe : safe;
          }
          sum += p;
        }
        d.to(s, a)[next] = sum;
      }
    }
  }
}

KOKKOS_INLINE_FUNCTION void oppose(FiniteTables const& game, double const* policies, int player, Decision const& d) {
  int const n = game.states, most = game.actions;
  for (int k = 0; k < n * most; ++k) d.rewards[k] = 0;
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(n) * most * n; ++k) d.transitions[k] = 0;
  for (int s = 0; s < n; ++s)
    for (int j = 0; j < game.joint; ++j) {
      double weight = 1;
      for (int i = 0; i < game.players; ++i)
        if (i != player) weight *= policies[(i * n + s) * most + j / game.strides[i] % game.counts[i]];
      if (weight == 0) continue;
      int const own = j / game.strides[player] % game.counts[player];
      d.rewards[s * most + own] += weight * game.rewards[(static_cast<std::int64_t>(player) * n + s) * game.joint + j];
      double const* const p = game.transitions + (static_cast<std::int64_t>(s) * game.joint + j) * n;
      for (int next = 0; next < n; ++next) d.to(s, own)[next] += weight * p[next];
    }
}

}  // namespace krate::games::impl
