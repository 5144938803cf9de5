// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One replica's stages.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/games/ensemble.hpp"

namespace krate::games::impl {

/// n^-exponent; the two usual exponents need no power.
KOKKOS_INLINE_FUNCTION double step_size(double n, double exponent) {
  return exponent == 1 ? 1 / n : exponent == 0.5 ? 1 / Kokkos::sqrt(n) : Kokkos::pow(n, -exponent);
}

/// Where the numbers of a replica stand. For each state, players innermost: policies and values by action, plays by
/// action, nu, the worth sum_a pi q, and the visits. Replicas lie one after another on a host and interleave on a
/// device. `Actions` is their number if it is known when this is compiled, else 0.
template <class Space, int Actions>
struct Table {
  double* data;
  std::int64_t step;
  int players, states, all_actions;

  static std::size_t length(std::size_t players, std::size_t states, std::size_t actions) {
    std::size_t const numbers = states * ((3 * actions + 2) * players + 1) + actions;
    return (numbers + 15) / 16 * 16;  // whole cache lines, so that threads do not share any
  }
  KOKKOS_INLINE_FUNCTION int actions() const { return Actions > 0 ? Actions : all_actions; }
  KOKKOS_INLINE_FUNCTION double& at(std::int64_t k) const {
    if constexpr (krate::impl::is_device<Space>) {
      return data[k * step];
    } else {
      return data[k];
    }
  }
  KOKKOS_INLINE_FUNCTION std::int64_t row(int state, int which) const {
    return state * (static_cast<std::int64_t>(3 * actions() + 2) * players + 1) +
           static_cast<std::int64_t>(which) * players;
  }
  KOKKOS_INLINE_FUNCTION double& policy(int s, int i, int a) const { return at(row(s, a) + i); }
  KOKKOS_INLINE_FUNCTION double& q(int s, int i, int a) const { return at(row(s, actions() + a) + i); }
  KOKKOS_INLINE_FUNCTION double& plays(int s, int i, int a) const { return at(row(s, 2 * actions() + a) + i); }
  KOKKOS_INLINE_FUNCTION double& nu(int s, int i) const { return at(row(s, 3 * actions()) + i); }
  KOKKOS_INLINE_FUNCTION double& worth(int s, int i) const { return at(row(s, 3 * actions() + 1) + i); }
  KOKKOS_INLINE_FUNCTION double& visits(int s) const { return at(row(s, 3 * actions() + 2)); }
  KOKKOS_INLINE_FUNCTION double& scratch(int a) const { return at(row(states, 0) + a); }

  KOKKOS_INLINE_FUNCTION void refresh(int s, int i, double tau) const {
    double entropy = 0, sum = 0;
    for (int a = 0; a < actions(); ++a) {
      double const p = policy(s, i, a);
      sum += p * q(s, i, a);
      if (tau > 0 && p > 0) entropy += p * Kokkos::log(p);
    }
    nu(s, i) = entropy;
    worth(s, i) = sum;
  }
  KOKKOS_INLINE_FUNCTION int draw(int s, int i, int count, double u) const {
    double total = 0;
    for (int a = 0; a < count; ++a) total += policy(s, i, a);
    double const x = u * total;
    double sum = policy(s, i, 0);
    int chosen = 0;
    for (int a = 1; a < count; ++a) {
      chosen += sum <= x;
      sum += policy(s, i, a);
    }
    return chosen;
  }
};

/// The update of player i, all of it from the values before.
/// @param target  u - tau nu + discount sum pi q of the next state
template <class Space, int Actions>
KOKKOS_INLINE_FUNCTION void learn(Table<Space, Actions> const& t, LearningRule const& rule, int s, int i, int played,
                                  int count, double target, double beta) {
  int const n = Actions > 0 ? Actions : count;
  double weight[Actions > 0 ? Actions : 1];
  double most = t.q(s, i, 0), sum = 0;
  for (int a = 1; a < n; ++a) most = most < t.q(s, i, a) ? t.q(s, i, a) : most;
  for (int a = 0; a < n; ++a) {
    double const less = t.q(s, i, a) - most;
    double w = 1;
    if (less != 0) {
      double const exponent = less / rule.tau;  // below -746 its exponential is 0; with tau = 0 it is minus infinity
      w = exponent < -746 ? 0 : Kokkos::exp(exponent);
    }
    sum += w;
    if constexpr (Actions > 0) {
      weight[a] = w;
    } else {
      t.scratch(a) = w;
    }
  }
  double const plain = 1 - rule.exploration, uniform = rule.exploration / n;
  for (int a = 0; a < n; ++a) {
    double const w = Actions > 0 ? weight[Actions > 0 ? a : 0] : t.scratch(a);
    double& p = t.policy(s, i, a);
    p += beta * (plain * (w / sum) + uniform - p);
  }
  double& plays = t.plays(s, i, played);
  plays += 1;
  double& q = t.q(s, i, played);
  q += step_size(plays, rule.alpha_exponent) * (target - q);
  t.refresh(s, i, rule.tau);
}

/// What happens at a stage: the players' actions and the next state, drawn or given.
template <class Stream>
struct Drawn {
  Stream stream;
  template <class T>
  KOKKOS_INLINE_FUNCTION int action(T const& table, int s, int i, int count, std::int64_t) {
    return table.draw(s, i, count, stream.uniform());
  }
  template <int Actions, class Game, class Outcome>
  KOKKOS_INLINE_FUNCTION int next(Game const& game, Outcome const& outcome, int s, std::int64_t) {
    return game.template next<Actions>(outcome, s, stream.uniform());
  }
};
struct Given {
  int const *actions, *nexts;
  int players;
  template <class T>
  KOKKOS_INLINE_FUNCTION int action(T const&, int, int i, int, std::int64_t k) const {
    return actions[k * players + i];
  }
  template <int Actions, class Game, class Outcome>
  KOKKOS_INLINE_FUNCTION int next(Game const&, Outcome const&, int, std::int64_t k) const {
    return nexts[k];
  }
};

/// @return the next state
template <class Space, int Actions, class Game, class Play>
KOKKOS_INLINE_FUNCTION int play_stage(Table<Space, Actions> const& t, Game const& game, LearningRule const& rule,
                                      Play& play, int s, int* action, std::int64_t k) {
  for (int i = 0; i < game.players; ++i) action[i] = play.action(t, s, i, game.actions_of(i), k);
  double const beta = step_size(t.visits(s) += 1, rule.beta_exponent);
  auto const outcome = game.template outcome<Actions>(s, action);
  int const next = play.template next<Actions>(game, outcome, s, k);
  for (int i = 0; i < game.players; ++i) {
    double const reward = game.template reward<Actions>(outcome, s, i, action[i]);
    double const target = reward - rule.tau * t.nu(s, i) + game.discount * t.worth(next, i);
    learn(t, rule, s, i, action[i], game.actions_of(i), target, beta);
  }
  return next;
}

}  // namespace krate::games::impl
