// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/subspace_data.hpp"
#include "krate/games/pursuit.hpp"
#include "support/op_test.hpp"

namespace {

using krate::games::Constraint;
using krate::games::Follower;
using krate::games::LeaderStep;
using krate::games::PursuitGame;
using krate::games::PursuitRule;
using Pursuit = krate::games::Pursuit<TestSpace>;

/// Projected gradient ascent against the best reply, on all samples.
inline PursuitRule ascent(std::size_t width, double eps_squared) {
  return {.width = width,
          .eps_squared = eps_squared,
          .leader = LeaderStep::gradient,
          .follower = Follower::exact,
          .encoder_rate = 0.05,
          .batch = 0};
}

/// Games of many kinds on two sets of samples.
inline std::vector<PursuitData> few_data() {
  return {subspaces(9, {11, 13, 8}, {2, 3, 2}, 0.01), subspaces(6, {30}, {3}, 0.1)};
}
inline std::vector<PursuitGame> few_games() {
  std::vector<PursuitGame> games;
  for (std::size_t const width : {5, 7, 12})
    games.push_back({0, {.width = width, .inner_steps = 5, .batch = 7, .seed = width}});
  games.push_back({0, {.width = 4, .inner_steps = 3, .batch = 0}});
  games.push_back({0, ascent(8, 0.5)});
  for (std::size_t const width : {3, 8})
    games.push_back({1,
                     {.width = width,
                      .constraint = Constraint::orthogonal,
                      .leader = LeaderStep::gradient,
                      .inner_steps = 4,
                      .batch = 10,
                      .shuffled = false}});
  return games;
}

}  // namespace
