// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/games.h5: the paper's algorithm on the fixed random stream, and on a script without random numbers.
#pragma once

#include "games/ensemble_runs.hpp"
#include "krate/io/hdf5.hpp"
#include "support/checks.hpp"
#include "support/reference_file.hpp"

namespace {

template <class Scalar>
struct LearningReferenceTest : ::testing::Test {
  TestSpace space;
  krate::io::File const file = krate::io::File::open(krate::testing::reference_file("games.h5"));

  void expect_like(std::string const& path, Snapshot const& found, double bound) const {
    EXPECT_LE(largest_difference(found.policy, file.read_all<double>(path + "/policy")), bound) << path;
    EXPECT_LE(largest_difference(found.q, file.read_all<double>(path + "/q")), bound) << path;
  }
};
SCALAR_TESTS(LearningReferenceTest, krate::testing::OnlyDouble);

SCALAR_TEST(LearningReferenceTest, PapersRunsOnTheFixedStream) {
  for (char const* const name : {"figure1_seed1", "figure2_seed1", "figure3_seed2", "figure5_seed3"}) {
    std::string const path = std::string("/learning/") + name;
    SCOPED_TRACE(path);
    auto const about = this->file.attributes(path);
    auto const game = routing(4, 2, about.template get<std::int64_t>("common_interest") == 1,
                              about.template get<std::int64_t>("action_independent_transitions") == 0);
    LearningRule const rule{.tau = about.template get<double>("tau"),
                            .alpha_exponent = about.template get<double>("alpha_exponent"),
                            .beta_exponent = about.template get<double>("beta_exponent"),
                            .seed = static_cast<std::uint64_t>(about.template get<std::int64_t>("seed"))};
    Ensemble ensemble(this->space, game, std::vector{rule}, RandomStream::mersenne);
    auto const trace = this->file.template read_all<std::int64_t>(path + "/trace_first_200");  // state, actions, next
    auto last = ensemble.snapshot(this->space, 0);
    EXPECT_EQ(last.state, this->file.template read_all<std::int64_t>(path + "/initial_state")[0]);
    for (std::size_t k = 0; k < 200; ++k) {
      ensemble.run(this->space, 1);
      auto const now = ensemble.snapshot(this->space, 0);
      std::vector<std::int64_t> seen{last.state};
      for (std::size_t i = 0; i < 4; ++i) {
        std::size_t const at = (i * 4 + static_cast<std::size_t>(last.state)) * 2;
        seen.push_back(now.plays[at + 1] - last.plays[at + 1]);
      }
      seen.push_back(now.state);
      ASSERT_TRUE(std::equal(seen.begin(), seen.end(), trace.begin() + static_cast<std::ptrdiff_t>(6 * k)))
          << "stage " << k;
      last = now;
    }
    Ensemble again(this->space, game, std::vector{rule}, RandomStream::mersenne);
    for (std::int64_t const stage : {1, 10, 100, 1000, 5000}) {
      again.run(this->space, stage - again.stage());
      auto const found = again.snapshot(this->space, 0);
      std::string const after = path + "/after_" + std::to_string(stage);
      this->expect_like(after, found, 1e-9);
      EXPECT_EQ(found.visits, this->file.template read_all<std::int64_t>(after + "/visits"));
      auto const distance = krate::games::evaluate(game, found.policy).nash_distance();
      EXPECT_LE(largest_difference(distance, this->file.template read_all<double>(after + "/nash_distance_l1")), 1e-8);
    }
  }
}

SCALAR_TEST(LearningReferenceTest, Script) {
  FiniteGame game{.actions = {2, 2}, .states = 2, .discount = 0.5};
  game.rewards = this->file.template read_all<double>("/learning/scripted/u");
  for (int row = 0; row < 8; ++row) game.transitions.insert(game.transitions.end(), {0.5, 0.5});
  Ensemble ensemble(this->space, game, std::vector{LearningRule{.tau = 0.5}});
  auto const script = this->file.template read_all<std::int64_t>("/learning/scripted/stages");
  for (int k = 0; k < 6; ++k) {
    std::vector<int> const stage(script.begin() + 4 * k, script.begin() + 4 * (k + 1));
    ensemble.replay(this->space, stage[0], std::vector{stage[1], stage[2]}, std::vector{stage[3]});
    this->expect_like("/learning/scripted/after_" + std::to_string(k + 1), ensemble.snapshot(this->space, 0), 1e-14);
  }
  // What potential_games.md prints.
  auto const found = ensemble.snapshot(this->space, 0);
  std::vector<double> const second{found.policy[1], found.policy[3], found.policy[5], found.policy[7]};
  EXPECT_LE(
      largest_difference(second, {0.20123968073891318, 0.5230901278913856, 0.5249887604127808, 0.8226709174107608}),
      1e-15);
  EXPECT_LE(largest_difference(found.q, {1.5846164195433938, 1.2180751898379265, 2.767377837242464, 2.2928664328729043,
                                         1.978531135008763, 1.0965735902799727, 3.29511091636128, 2.3611208899513736}),
            1e-14);
}

SCALAR_TEST(LearningReferenceTest, PrintedNumbersAfterAThousandStages) {
  Ensemble ensemble(this->space, routing(4, 2), std::vector{LearningRule{}}, RandomStream::mersenne);
  ensemble.run(this->space, 1000);
  auto const found = ensemble.snapshot(this->space, 0);
  EXPECT_EQ(found.visits, (std::vector<std::int64_t>{76, 177, 279, 468}));
  std::vector<double> const second{found.policy[1], found.policy[3], found.policy[5], found.policy[7]};
  EXPECT_LE(
      largest_difference(second, {0.782894736842105, 0.1760828625235404, 0.0017921146953405033, 0.9989316239316234}),
      1e-12);
  EXPECT_LE(largest_difference({found.q.begin(), found.q.begin() + 8},
                               {6.895336241983012, 15.458419222169045, 39.63073876155196, 34.73718330543658,
                                27.772166621680352, 12.038578536146328, 27.844014797171745, 44.541297582194886}),
            1e-11);
}

}  // namespace
