// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/ensemble_runs.hpp"
#include "krate/core/random.hpp"
#include "support/checks.hpp"

namespace {

using krate::testing::PlainGame;
using krate::testing::PlainMersenne;
using krate::testing::PlainPlayers;

template <class Scalar>
struct EnsembleTest : ::testing::Test {
  TestSpace space;
};
SCALAR_TESTS(EnsembleTest, krate::testing::OnlyDouble);

/// The numbers of a replica: (seed, stage, player) are all that counts.
inline std::function<double()> counted(std::uint64_t seed) {
  return [random = krate::Random(krate::Seed{seed}, 0x47414D45), at = std::uint64_t(0)]() mutable {
    return random.uniform(at++);
  };
}

/// A game with tables: two and three actions, three states.
inline FiniteGame small_tables() {
  FiniteGame game{.actions = {2, 3}, .states = 3, .discount = 0.8, .start = {0.2, 0.5, 0.3}};
  for (int k = 0; k < 2 * 3 * 6; ++k) game.rewards.push_back(3 * krate::testing::fill_u(1, k));
  for (int row = 0; row < 3 * 6; ++row) {
    double weights[3], sum = 0;
    for (int s = 0; s < 3; ++s) sum += weights[s] = 0.1 + krate::testing::fill_u(2, 3 * row + s);
    for (double const w : weights) game.transitions.push_back(w / sum);
  }
  return game;
}
inline PlainGame plain_tables(FiniteGame const& game) {
  PlainGame plain{.states = static_cast<int>(game.states), .counts = {2, 3}, .discount = game.discount};
  plain.reward = [game](int i, int s, krate::testing::Actions const& a) {
    return game.rewards[(i * 3 + s) * 6 + 3 * a[0] + a[1]];
  };
  plain.transition = [game](int s, krate::testing::Actions const& a) {
    auto const row = game.transitions.begin() + (s * 6 + 3 * a[0] + a[1]) * 3;
    return krate::testing::Numbers(row, row + 3);
  };
  return plain;
}

template <class Game>
void compare(Game const& game, PlainGame const& plain, krate::testing::Numbers const& start, LearningRule const& rule,
             RandomStream random, int stages) {
  TestSpace const space;
  auto const rules = rules_with_seeds(rule, {1, 7, 12345});
  Ensemble ensemble(space, game, rules, random);
  ensemble.run(space, stages);
  for (std::size_t r = 0; r < rules.size(); ++r) {
    PlainPlayers players(plain, {rule.tau, rule.alpha_exponent, rule.beta_exponent, rule.exploration});
    auto uniform = random == RandomStream::counter
                       ? counted(rules[r].seed)
                       : std::function<double()>(PlainMersenne(static_cast<std::uint32_t>(rules[r].seed)));
    players.state = krate::testing::categorical(start, uniform());
    for (int k = 0; k < stages; ++k) players.play(uniform);
    auto const found = ensemble.snapshot(space, r);
    EXPECT_EQ(found.state, players.state);
    EXPECT_LE(largest_difference(found.policy, krate::testing::flattened(plain, players.policy)), 1e-12);
    EXPECT_LE(largest_difference(found.q, krate::testing::flattened(plain, players.q)), 1e-10);
    EXPECT_EQ(std::vector<double>(found.visits.begin(), found.visits.end()), players.visits);
    EXPECT_EQ(std::vector<double>(found.plays.begin(), found.plays.end()),
              krate::testing::flattened(plain, players.plays));
  }
}

inline std::vector<LearningRule> different_rules() {
  return {{},
          {.tau = 0.7, .alpha_exponent = 0.6},
          {.tau = 0.1, .alpha_exponent = 1, .beta_exponent = 0.5},
          {.tau = 0, .exploration = 0.2},
          {.tau = 1e-3, .beta_exponent = 0.9, .exploration = 0.05}};
}

SCALAR_TEST(EnsembleTest, RoutingMatchesPlainLoops) {
  struct Size {
    int players, routes;
  };
  for (Size const size : {Size{4, 2}, {1, 1}, {1, 2}, {3, 1}, {3, 3}, {8, 2}, {2, 4}})
    for (bool const common : {true, false})
      for (bool const dependent : {true, false})
        for (auto const random : {RandomStream::counter, RandomStream::mersenne}) {
          SCOPED_TRACE(std::to_string(size.players) + " players, " + std::to_string(size.routes) + " routes");
          auto const plain = krate::testing::plain_routing(size.players, size.routes, common, dependent);
          krate::testing::Numbers const start(std::size_t(1) << size.routes, 1.0 / (1 << size.routes));
          compare(routing(size.players, size.routes, common, dependent), plain, start, {}, random, 150);
        }
  auto const plain = krate::testing::plain_routing(4, 2, true, true);
  for (auto const& rule : different_rules())
    compare(routing(4, 2), plain, {0.25, 0.25, 0.25, 0.25}, rule, RandomStream::counter, 1500);
}

SCALAR_TEST(EnsembleTest, TablesMatchPlainLoops) {
  auto const game = small_tables();
  for (auto const& rule : different_rules())
    for (auto const random : {RandomStream::counter, RandomStream::mersenne})
      compare(game, plain_tables(game), game.start, rule, random, 800);
}

SCALAR_TEST(EnsembleTest, ARoutingGameIsItsTables) {
  for (bool const common : {true, false})
    for (bool const dependent : {true, false}) {
      auto const game = routing(3, 2, common, dependent);
      auto const rules = rules_with_seeds({.tau = 0.3}, {3, 4});
      Ensemble counts(this->space, game, rules), tables(this->space, krate::games::tabulated(game), rules);
      counts.run(this->space, 500);
      tables.run(this->space, 500);
      for (std::size_t r = 0; r < 2; ++r) {
        auto const a = counts.snapshot(this->space, r), b = tables.snapshot(this->space, r);
        EXPECT_EQ(a.visits, b.visits);
        EXPECT_LE(largest_difference(a.policy, b.policy), 1e-13);
        EXPECT_LE(largest_difference(a.q, b.q), 1e-12);
      }
    }
}

// Invariants (G6) after many stages: policies stay on the simplex, and plays and visits add up.
SCALAR_TEST(EnsembleTest, PoliciesStayOnTheSimplexAndCountsAddUp) {
  auto const game = routing(4, 2);
  Ensemble ensemble(this->space, game, rules_with_seeds({}, {1, 2}));
  ensemble.run(this->space, 100000);
  for (std::size_t r = 0; r < 2; ++r) {
    auto const found = ensemble.snapshot(this->space, r);
    std::int64_t all = 0;
    for (auto const n : found.visits) all += n;
    EXPECT_EQ(all, 100000);
    for (std::size_t row = 0; row < found.policy.size() / 2; ++row) {
      EXPECT_NEAR(found.policy[2 * row] + found.policy[2 * row + 1], 1, 1e-12);
      EXPECT_GE(std::min(found.policy[2 * row], found.policy[2 * row + 1]), 0);
      EXPECT_EQ(found.plays[2 * row] + found.plays[2 * row + 1], found.visits[row % 4]);
    }
  }
}

SCALAR_TEST(EnsembleTest, PiecesRecordsAndOtherReplicasChangeNothing) {
  for (auto const random : {RandomStream::counter, RandomStream::mersenne}) {
    auto const game = routing(4, 2);
    Ensemble whole(this->space, game, rules_with_seeds({}, {5}), random),
        parts(this->space, game, rules_with_seeds({}, {9, 5, 2, 8}), random);
    whole.run(this->space, 1000);
    RecordMemory const records(parts, {0, 0, 1, 400, 999, 1000, 1001});
    krate::testing::set_all(records.policy, -1);
    for (int const stages : {1, 0, 399, 500, 100}) parts.run(this->space, stages, records.view());
    EXPECT_EQ(parts.stage(), 1000);
    auto const a = whole.snapshot(this->space, 0), b = parts.snapshot(this->space, 1);
    EXPECT_EQ(a.policy, b.policy);
    EXPECT_EQ(a.q, b.q);
    Array const policy = krate::testing::to_array(records.policy), q = krate::testing::to_array(records.q);
    for (std::size_t e = 0; e < parts.size(); ++e) {
      EXPECT_EQ(policy(0, 1, e), 0.5);
      EXPECT_EQ(policy(1, 1, e), 0.5);
      EXPECT_EQ(policy(5, 1, e), b.policy[e]);
      EXPECT_EQ(q(5, 1, e), b.q[e]);
      EXPECT_EQ(policy(6, 1, e), -1);  // beyond what was played
    }
    Ensemble early(this->space, game, rules_with_seeds({}, {5}), random);
    early.run(this->space, 400);
    auto const at_400 = early.snapshot(this->space, 0);
    for (std::size_t e = 0; e < parts.size(); ++e) EXPECT_EQ(policy(3, 1, e), at_400.policy[e]);
  }
}

SCALAR_TEST(EnsembleTest, GoesOnFromWhatWasSaved) {
  for (auto const random : {RandomStream::counter, RandomStream::mersenne}) {
    auto const game = routing(3, 2);
    auto const rules = rules_with_seeds({.tau = 0.1}, {1, 2, 3});
    Ensemble one(this->space, game, rules, random), two(this->space, game, rules, random);
    one.run(this->space, 300);
    auto const bytes = one.save(this->space);
    one.run(this->space, 300);
    two.restore(this->space, 300, bytes);
    two.run(this->space, 300);
    for (std::size_t r = 0; r < 3; ++r) EXPECT_EQ(one.snapshot(this->space, r).q, two.snapshot(this->space, r).q);
    EXPECT_EQ(two.stage(), 600);
    EXPECT_ERROR(krate::ShapeError, "krate::games::Ensemble::restore: bytes has 1 entries",
                 two.restore(this->space, 0, std::vector<std::uint8_t>(1)));
  }
}

SCALAR_TEST(EnsembleTest, DistancesAreThoseOfTheExactEvaluation) {
  for (bool const common : {true, false})
    for (bool const dependent : {true, false}) {
      auto const game = routing(3, 2, common, dependent);
      Ensemble ensemble(this->space, game, rules_with_seeds({.tau = 0.5}, {1, 2}));
      RecordMemory const records(ensemble, {0, 10, 200});
      ensemble.run(this->space, 200, records.view());
      auto const found = measured(ensemble, records);
      Array const policy = krate::testing::to_array(records.policy), q = krate::testing::to_array(records.q);
      std::size_t const own = 4 * 2;
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t r = 0; r < 2; ++r)
          for (std::size_t i = 0; i < 3; ++i) {
            std::vector<double> mixed;
            double of_policy = 0, of_q = 0, of_value = 0;
            for (std::size_t e = 0; e < ensemble.size(); ++e) {
              bool const mine = e / own == i;
              mixed.push_back(policy(mine ? k : 2, r, e));
              of_policy += mine ? std::abs(policy(k, r, e) - policy(2, r, e)) : 0;
              of_q += mine ? std::abs(q(k, r, e) - q(2, r, e)) : 0;
            }
            auto const exact = krate::games::evaluate(krate::games::tabulated(game), mixed);
            for (std::size_t s = 0; s < 4; ++s) of_value += exact.best_value[4 * i + s] - exact.value[4 * i + s];
            EXPECT_NEAR(found.policy(k, r, i), of_policy, 1e-12);
            EXPECT_NEAR(found.q(k, r, i), of_q, 1e-11);
            EXPECT_NEAR(found.nash(k, r, i), of_value, 1e-10);
          }
    }
}

SCALAR_TEST(EnsembleTest, ConductAndRepetition) {
  auto const game = routing(4, 3);
  auto const rules = rules_with_seeds({.tau = 0.2}, {1, 2, 3, 4, 5});
  Ensemble one(this->space, game, rules), two(this->space, game, rules);
  RecordMemory const records(one, {100});
  expect_good_conduct(this->space, [&] { one.run(this->space, 100, records.view()); });
  for (int piece = 0; piece < static_cast<int>(one.stage() / 100); ++piece) two.run(this->space, 100);
  for (std::size_t r = 0; r < 5; ++r)
    EXPECT_EQ(one.snapshot(this->space, r).policy, two.snapshot(this->space, r).policy);
}

SCALAR_TEST(EnsembleTest, ManyRoutesAndPlayers) {
  auto const game = routing(60, 6);
  Ensemble ensemble(this->space, game, rules_with_seeds({.tau = 0.1}, {1}));
  ensemble.run(this->space, 2000);
  auto const found = ensemble.snapshot(this->space, 0);
  for (std::size_t row = 0; row < found.policy.size() / 6; ++row) {
    double sum = 0;
    for (std::size_t a = 0; a < 6; ++a) sum += found.policy[6 * row + a];
    ASSERT_NEAR(sum, 1, 1e-12);
  }
}

SCALAR_TEST(EnsembleTest, NothingHappensInNoStage) {
  Ensemble ensemble(this->space, routing(2, 2), rules_with_seeds({}, {1}));
  ensemble.run(this->space, 0);
  auto const found = ensemble.snapshot(this->space, 0);
  EXPECT_EQ(found.policy, std::vector<double>(16, 0.5));
  EXPECT_EQ(found.q, std::vector<double>(16, 0.0));
  ensemble.replay(this->space, 0, {}, {});
  EXPECT_EQ(ensemble.stage(), 0);
}

SCALAR_TEST(EnsembleTest, RefusesWhatDoesNotFit) {
  auto const& space = this->space;
  auto const one = rules_with_seeds({}, {1});
  EXPECT_ERROR(krate::ValueError, "krate::games::Ensemble: replicas = 0",
               Ensemble(space, routing(2, 2), std::vector<LearningRule>{}));
  EXPECT_ERROR(krate::ValueError, "tau = -1", Ensemble(space, routing(2, 2), rules_with_seeds({.tau = -1}, {1})));
  EXPECT_ERROR(krate::ValueError, "tau = nan",
               Ensemble(space, routing(2, 2), rules_with_seeds({.tau = std::nan("")}, {1})));
  EXPECT_ERROR(krate::ValueError, "exponent = -0.5",
               Ensemble(space, routing(2, 2), rules_with_seeds({.alpha_exponent = -0.5}, {1})));
  EXPECT_ERROR(krate::ValueError, "exploration = 1.5",
               Ensemble(space, routing(2, 2), rules_with_seeds({.exploration = 1.5}, {1})));
  EXPECT_ERROR(krate::ValueError, "seed = 4294967296",
               Ensemble(space, routing(2, 2), rules_with_seeds({}, {std::uint64_t(1) << 32}), RandomStream::mersenne));
  EXPECT_ERROR(krate::ValueError, "krate::games::RoutingGame: players = 0", Ensemble(space, routing(0, 2), one));
  EXPECT_ERROR(krate::ValueError, "routes = 17", Ensemble(space, routing(2, 17), one));
  Ensemble ensemble(space, routing(2, 2), one);
  EXPECT_ERROR(krate::ValueError, "stages = -1", ensemble.run(space, -1));
  EXPECT_ERROR(krate::ValueError, "replica = 1", ensemble.snapshot(space, 1));
  Ensemble const other(space, routing(3, 2), one);
  RecordMemory const records(other, {1});
  EXPECT_ERROR(krate::ShapeError, "krate::games::Ensemble::run: policy has shape [1, 1, 24], expected [1, 1, 16]",
               ensemble.run(space, 1, records.view()));
  std::vector<int> const actions{0, 2}, next{0};
  EXPECT_ERROR(krate::ValueError, "krate::games::Ensemble::replay: action = 2",
               ensemble.replay(space, 0, actions, next));
  EXPECT_ERROR(krate::ShapeError, "krate::games::Ensemble::replay: actions has 2 entries, expected 0",
               ensemble.replay(space, 0, actions, {}));
  EXPECT_ERROR(krate::ValueError, "states = 4", ensemble.replay(space, 4, {}, {}));
  Ensemble many(space, routing(2, 11), one);
  EXPECT_ERROR(krate::ValueError, "states = 2048", many.measure_workspace());
}

}  // namespace
