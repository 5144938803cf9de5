// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "krate/core/require.hpp"

namespace krate::games {

/// gradient = derivative of a player's utility by what it chooses, at the leader's x and the follower's y.
template <class F>
concept UtilityGradient = std::invocable<F&, std::span<double const>, std::span<double const>, std::span<double>>;
/// Brings what a player chose back to what it may choose, in place.
template <class F>
concept ChoiceProjection = std::invocable<F&, std::span<double>>;

/// Every choice is allowed.
struct Unconstrained {
  void operator()(std::span<double>) const {}
};

struct SequentialRule {
  double leader_rate = 1e-2, follower_rate = 1e-3;
  std::size_t inner_steps = 1000;  ///< of the follower after each of the leader's
};

/// A game of two players, of whom one chooses first and the other answers: gradient ascent of the leader against a
/// follower who answers with many ascents of its own, both by Adam. It ends where the leader does best against best
/// answers if the leader's utility is Q(x) - u_follower(x, y) up to functions of x: what then changes by the answer
/// changes to second order only.
/// Adam scales each coordinate: where a projection binds that is not one of single coordinates, the end depends on it.
/// @note host memory; whoever plays on a device copies in the functors
template <UtilityGradient Leader, UtilityGradient Follower, ChoiceProjection ProjectLeader = Unconstrained,
          ChoiceProjection ProjectFollower = Unconstrained>
class SequentialGame {
 public:
  SequentialGame(SequentialRule const& rule, Leader leader, Follower follower, ProjectLeader project_leader = {},
                 ProjectFollower project_follower = {})
      : rule_(rule),
        leader_gradient_(std::move(leader)),
        follower_gradient_(std::move(follower)),
        project_leader_(std::move(project_leader)),
        project_follower_(std::move(project_follower)) {
    require_value(rule.leader_rate > 0 && rule.follower_rate > 0, "krate::games::SequentialGame", "rate",
                  rule.leader_rate > 0 ? rule.follower_rate : rule.leader_rate, "must be positive");
  }

  /// So many steps of the leader, from x and y, which are replaced.
  /// @throws ShapeError if sizes change between calls     @note allocates: at the first call
  void play(std::size_t steps, std::span<double> x, std::span<double> y) {
    for (std::size_t k = 0; k < steps; ++k) {
      ascend(leader_, rule_.leader_rate, x, [&](std::span<double> g) { leader_gradient_(x, y, g); });
      project_leader_(x);
      for (std::size_t i = 0; i < rule_.inner_steps; ++i) {
        ascend(follower_, rule_.follower_rate, y, [&](std::span<double> g) { follower_gradient_(x, y, g); });
        project_follower_(y);
      }
    }
  }

 private:
  struct Memory {
    std::vector<double> gradient{}, mean{}, square{};
    double time = 0;
  };

  template <class Gradient>
  static void ascend(Memory& m, double rate, std::span<double> value, Gradient const& gradient) {
    if (m.time == 0) {
      for (auto* v : {&m.gradient, &m.mean, &m.square}) v->assign(value.size(), 0.0);
    } else if (m.gradient.size() != value.size()) {
      throw ShapeError("krate::games::SequentialGame::play",
                       "a choice has " + std::to_string(value.size()) + " numbers, expected " +
                           std::to_string(m.gradient.size()) + " (as before); begin a new game for another size");
    }
    ++m.time;
    gradient(std::span<double>(m.gradient));
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double const c1 = 1 - std::pow(beta1, m.time), c2 = 1 - std::pow(beta2, m.time);
    for (std::size_t i = 0; i < value.size(); ++i) {
      double const g = m.gradient[i];
      m.mean[i] = beta1 * m.mean[i] + (1 - beta1) * g;
      m.square[i] = beta2 * m.square[i] + (1 - beta2) * g * g;
      value[i] += rate * (m.mean[i] / c1) / (std::sqrt(m.square[i] / c2) + epsilon);
    }
  }

  SequentialRule rule_;
  Leader leader_gradient_;
  Follower follower_gradient_;
  ProjectLeader project_leader_;
  ProjectFollower project_follower_;
  Memory leader_, follower_;
};

}  // namespace krate::games
