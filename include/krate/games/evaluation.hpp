// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What policies are worth, exactly, on the host: policies are [players, states, actions], padded with 0.
#pragma once

#include <span>
#include <vector>

#include "krate/games/routing_game.hpp"

namespace krate::games {

/// Of a policy of each player. With tau > 0 rewards of `value` and `q` are u_i - tau nu_i(s), nu_i = sum_a pi ln pi.
struct Evaluation {
  std::size_t players = 0, states = 0, actions = 0;
  std::vector<double> chain{};       ///< [states, states] P_pi
  std::vector<double> occupancy{};   ///< [states] discounted visits from the start; the sum is 1
  std::vector<double> reward{};      ///< [players, states] r_pi, without tau
  std::vector<double> value{};       ///< [players, states] (I - discount P_pi)^-1 r
  std::vector<double> q{};           ///< [players, states, actions] of one's own action, the others mixing
  std::vector<double> best_value{};  ///< [players, states] of the best reply to the others, without tau
  std::vector<double> best_q{};      ///< [players, states, actions] under that reply

  /// [players] sum over states of best_value - value; for tau = 0 only.
  std::vector<double> nash_distance() const;
};

/// @throws ShapeError for policies of another size
/// @note a routing game is not tabulated: the others' counts are enough
Evaluation evaluate(FiniteGame const& game, std::span<double const> policies, double tau = 0);
Evaluation evaluate(RoutingGame const& game, std::span<double const> policies, double tau = 0);

/// [states] sum_k discount^k E[stage_reward(s^k, a^k)]: the potential, for a stage potential.
/// @param stage_reward  [states, joint actions]
std::vector<double> discounted_sum(FiniteGame const& game, std::span<double const> stage_reward,
                                   std::span<double const> policies);

/// One step of the learning dynamics without noise: q is the exact perturbed one for all players at once, and
///     pi_i += beta (softmax(q_i / tau) - pi_i)
/// @param policies  [players, states, actions], replaced     @throws ValueError unless tau and beta are positive
void mean_field_step(FiniteGame const& game, double tau, double beta, std::span<double> policies);
void mean_field_step(RoutingGame const& game, double tau, double beta, std::span<double> policies);

}  // namespace krate::games
