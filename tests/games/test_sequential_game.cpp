// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/sequential_game.hpp"

#include <gtest/gtest.h>

#include "games/subspace_data.hpp"
#include "support/op_test.hpp"

namespace krate::games {
namespace {

using Numbers = std::vector<double>;
using In = std::span<double const>;
using Out = std::span<double>;

TEST(SequentialGame, TheLinearGameIsOne) {
  auto const samples = subspaces(6, {9, 11}, {2, 3}, 0.1);
  auto const data = statistics(samples);
  auto const values = [&](In f, In g) { return linear_values(data, {{f.begin(), f.end()}, {g.begin(), g.end()}}, 1); };
  auto const leader = [&](In f, In g, Out gradient) {
    auto const v = values(f, g);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      gradient[i] = v.expansion_by_encoder[i] + v.inconsistency_by_encoder[i];
  };
  auto const follower = [&](In f, In g, Out gradient) {
    auto const v = values(f, g);
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = -v.inconsistency_by_decoder[i];
  };
  auto const project = [&](Out f) {
    auto const p = project_on_norms(data, f).encoder;
    std::copy(p.begin(), p.end(), f.begin());
  };
  Kokkos::DefaultHostExecutionSpace const space;
  PursuitRule const rule{.width = 5, .inner_steps = 4, .batch = 0};
  Pursuit<Kokkos::DefaultHostExecutionSpace> pursuit(space, std::vector{samples}, std::vector{PursuitGame{0, rule}}, 6);
  auto maps = pursuit.maps(space, 0);
  SequentialGame game({.inner_steps = 4}, leader, follower, project);
  game.play(2, maps.encoder, maps.decoder);
  game.play(4, maps.encoder, maps.decoder);
  pursuit.run(space, 6);
  EXPECT_LE(off(pursuit.maps(space, 0).encoder, maps.encoder), 1e-9);
  EXPECT_LE(off(pursuit.maps(space, 0).decoder, maps.decoder), 1e-9);
}

/// Weights of a regression, from -1 to 1, against an adversary who moves the targets t by y at a price:
///     u_follower = 1/2 |X w - t - y|^2 - |y|^2,     u_leader = - u_follower.
/// The best answer is y = t - X w: the leader's best choice is that of least squares.
TEST(SequentialGame, RegressionAgainstAnAdversary) {
  std::size_t const samples = 8, weights = 3;
  auto const x = normal(samples * weights, 1);
  auto const error = [&](In w, In t) {
    Numbers e(samples);
    for (std::size_t i = 0; i < samples; ++i) {
      e[i] = -t[i];
      for (std::size_t k = 0; k < weights; ++k) e[i] += x[i * weights + k] * w[k];
    }
    return e;
  };
  for (double const scale : {0.1, 10.0}) {  // the free optimum is inside the box, and outside
    auto const targets = normal(samples, 2, scale);
    auto const leader = [&](In w, In y, Out g) {
      auto const e = error(w, targets);
      for (std::size_t k = 0; k < weights; ++k) {
        g[k] = 0;
        for (std::size_t i = 0; i < samples; ++i) g[k] -= x[i * weights + k] * (e[i] - y[i]);
      }
    };
    auto const follower = [&](In w, In y, Out g) {
      auto const e = error(w, targets);
      for (std::size_t i = 0; i < samples; ++i) g[i] = -(e[i] - y[i]) - 2 * y[i];
    };
    auto const box = [](Out w) {
      for (double& v : w) v = std::clamp(v, -1.0, 1.0);
    };
    Numbers w(weights, 0.0), y(samples, 0.0);
    SequentialGame fast({.leader_rate = 1e-2, .follower_rate = 0.1, .inner_steps = 200}, leader, follower, box);
    fast.play(1500, w, y);
    SequentialGame slow({.leader_rate = 1e-4, .follower_rate = 1e-3, .inner_steps = 200}, leader, follower, box);
    slow.play(500, w, y);
    auto const e = error(w, targets);
    Numbers slope(weights, 0.0);
    for (std::size_t i = 0; i < samples; ++i)
      for (std::size_t k = 0; k < weights; ++k) slope[k] += x[i * weights + k] * e[i];
    for (std::size_t k = 0; k < weights; ++k) {
      if (std::abs(w[k]) < 1) {
        EXPECT_NEAR(slope[k], 0, 1e-2 * scale);
      } else {  // it would go on outwards
        EXPECT_GT(scale, 1);
        EXPECT_LT(slope[k] * w[k], 0);
      }
    }
    for (std::size_t i = 0; i < samples; ++i) EXPECT_NEAR(y[i], -e[i], 1e-2 * std::max(1.0, scale));
  }
}

TEST(SequentialGame, Errors) {
  auto const zero = [](In, In, Out g) { std::fill(g.begin(), g.end(), 0.0); };
  EXPECT_ERROR(ValueError, "rate = 0", SequentialGame({.leader_rate = 0}, zero, zero));
  SequentialGame game({.inner_steps = 1}, zero, zero);
  Numbers one(1), two(2);
  game.play(1, one, one);
  EXPECT_ERROR(ShapeError, "a choice has 2 numbers, expected 1", game.play(1, two, one));
}

}  // namespace
}  // namespace krate::games
