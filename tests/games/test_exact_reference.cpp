// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/games.h5: exact values, gradients, potentials, two exact dynamics, and the mean field.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "krate/games/evaluation.hpp"
#include "krate/io/hdf5.hpp"
#include "support/reference_file.hpp"

namespace krate::games {
namespace {

using Numbers = std::vector<double>;
using testing::reference_file;

double worst(Numbers const& found, Numbers const& expected) {
  if (found.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double scale = 1, most = 0;
  for (double const x : expected) scale = std::max(scale, std::abs(x));
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const e = std::abs(found[i] - expected[i]);
    most = e <= most ? most : e;
  }
  return most / scale;
}

struct Case {
  io::File const& file;
  std::string path;
  FiniteGame game;
  std::size_t players, states, actions;

  Case(io::File const& f, std::string const& name) : file(f), path("/exact/" + name) {
    for (auto const a : file.read_all<std::int64_t>(path + "/actions"))
      game.actions.push_back(static_cast<std::size_t>(a));
    auto const about = file.attributes(path);
    game.states = states = static_cast<std::size_t>(about.get<std::int64_t>("states"));
    game.discount = about.get<double>("delta");
    game.rewards = read("u");
    game.transitions = read("P");
    game.start = read("mu");
    players = game.players();
    actions = game.most_actions();
    require_valid(game);
  }
  Numbers read(std::string const& name) const { return file.read_all<double>(path + "/" + name); }
  std::size_t own() const { return states * actions; }
};

void expect_values(Case const& c) {
  auto const policy = c.read("policy");
  auto const found = evaluate(c.game, policy);
  EXPECT_LE(worst(found.chain, c.read("P_pi")), 1e-13);
  EXPECT_LE(worst(found.reward, c.read("r_pi")), 1e-13);
  EXPECT_LE(worst(found.value, c.read("V")), 1e-12);
  EXPECT_LE(worst(found.q, c.read("Q_local")), 1e-12);
  EXPECT_LE(worst(found.best_value, c.read("V_best_response")), 1e-12);
  EXPECT_LE(worst(found.best_q, c.read("Q_best_response")), 1e-12);
  EXPECT_LE(worst(found.occupancy, c.read("occupancy")), 1e-13);
  EXPECT_LE(worst(found.nash_distance(), c.read("nash_distance_l1")), 1e-11);
  Numbers joint, direct, softmax, value;
  for (std::size_t i = 0; i < c.players; ++i) {
    double at_start = 0;
    for (std::size_t s = 0; s < c.states; ++s) {
      at_start += c.game.start[s] * found.value[i * c.states + s];
      for (std::size_t j = 0; j < c.game.joint_actions(); ++j) {
        std::size_t const row = s * c.game.joint_actions() + j;
        double sum = c.game.rewards[i * c.states * c.game.joint_actions() + row];
        for (std::size_t to = 0; to < c.states; ++to)
          sum += c.game.discount * c.game.transitions[row * c.states + to] * found.value[i * c.states + to];
        joint.push_back(sum);
      }
      for (std::size_t a = 0; a < c.actions; ++a) {
        std::size_t const at = i * c.own() + s * c.actions + a;
        double const visits = found.occupancy[s] / (1 - c.game.discount);
        direct.push_back(visits * found.q[at]);
        softmax.push_back(visits * policy[at] * (found.q[at] - found.value[i * c.states + s]));
      }
    }
    value.push_back(at_start);
  }
  EXPECT_LE(worst(joint, c.read("Q_joint")), 1e-12);
  EXPECT_LE(worst(direct, c.read("gradient_direct")), 1e-12);
  EXPECT_LE(worst(softmax, c.read("gradient_softmax")), 1e-12);
  EXPECT_LE(worst(value, c.read("V_mu")), 1e-12);
}

/// G1: where one player deviates, its value and the potential change alike; or not.
void expect_potential(Case const& c) {
  auto const policy = c.read("policy"), stage = c.read("stage_potential"), deviations = c.read("deviation_policy");
  auto const who = c.file.read_all<std::int64_t>(c.path + "/deviation_player");
  auto const before = evaluate(c.game, policy).value, potential = discounted_sum(c.game, stage, policy);
  Numbers value_change, potential_change;
  for (std::size_t k = 0; k < who.size(); ++k) {
    auto const i = static_cast<std::size_t>(who[k]);
    Numbers other = policy;
    std::copy_n(deviations.begin() + static_cast<std::ptrdiff_t>(k * c.own()), c.own(),
                other.begin() + static_cast<std::ptrdiff_t>(i * c.own()));
    auto const after = evaluate(c.game, other).value, now = discounted_sum(c.game, stage, other);
    for (std::size_t s = 0; s < c.states; ++s) {
      value_change.push_back(after[i * c.states + s] - before[i * c.states + s]);
      potential_change.push_back(now[s] - potential[s]);
    }
  }
  EXPECT_LE(worst(value_change, c.read("deviation_dV")), 1e-11);
  EXPECT_LE(worst(potential_change, c.read("deviation_dPhi")), 1e-11);
  double const broken = worst(value_change, potential_change);
  bool const is_potential = c.file.attributes(c.path).get<std::string>("kind") != "not potential";
  EXPECT_EQ(broken < 1e-12, is_potential) << broken;
}

/// Nearest point of the simplex.
void project(double* v, std::size_t count) {
  Numbers sorted(v, v + count);
  std::sort(sorted.rbegin(), sorted.rend());
  double sum = 0, shift = 0;
  for (std::size_t k = 0; k < count; ++k) {
    sum += sorted[k];
    double const t = (sum - 1) / static_cast<double>(k + 1);
    if (sorted[k] > t) shift = t;
  }
  for (std::size_t k = 0; k < count; ++k) v[k] = std::max(0.0, v[k] - shift);
}

void expect_dynamics(Case const& c) {
  auto const row = [&](Numbers const& all, std::size_t k) {
    auto const first = all.begin() + static_cast<std::ptrdiff_t>(k * c.players * c.own());
    return Numbers(first, first + static_cast<std::ptrdiff_t>(c.players * c.own()));
  };
  auto const ascent = c.read("projected_gradient/policy");
  double const step = c.file.attributes(c.path + "/projected_gradient").get<double>("step");
  Numbers policy = row(ascent, 0), nash;
  for (std::size_t k = 0; k < 21; ++k) {
    EXPECT_LE(worst(policy, row(ascent, k)), 1e-10) << k;
    auto const now = evaluate(c.game, policy);
    auto const distance = now.nash_distance();
    nash.insert(nash.end(), distance.begin(), distance.end());
    for (std::size_t i = 0; i < c.players; ++i)
      for (std::size_t s = 0; s < c.states; ++s) {
        double* const pi = policy.data() + i * c.own() + s * c.actions;
        for (std::size_t a = 0; a < c.game.actions[i]; ++a)
          pi[a] += step * now.occupancy[s] / (1 - c.game.discount) * now.q[i * c.own() + s * c.actions + a];
        project(pi, c.game.actions[i]);
      }
  }
  EXPECT_LE(worst(nash, c.read("projected_gradient/nash_distance_l1")), 1e-9);

  for (std::string const name : {"smoothed_0", "smoothed_1"}) {
    auto const expected = c.read(name + "/policy");
    double const tau = c.file.attributes(c.path + "/" + name).get<double>("tau");
    Numbers now = row(expected, 0);
    auto const first = evaluate(c.game, now, tau);
    EXPECT_LE(worst(first.value, c.read(name + "/V_tau_first")), 1e-12);
    EXPECT_LE(worst(first.q, c.read(name + "/Q_tau_first")), 1e-12);
    for (std::size_t k = 0; k < 21; ++k) {
      EXPECT_LE(worst(now, row(expected, k)), 1e-9) << name << " " << k;
      mean_field_step(c.game, tau, name == "smoothed_0" ? 0.1 : 1 / static_cast<double>(k + 2), now);
    }
  }
}

TEST(ExactReference, ValuesPotentialsAndDynamics) {
  auto const file = io::File::open(reference_file("games.h5"));
  for (auto const& name : file.list("/exact")) {
    SCOPED_TRACE(name);
    Case const c(file, name);
    expect_values(c);
    expect_potential(c);
    expect_dynamics(c);
  }
}

RoutingGame routing_of(std::string const& name) {
  RoutingGame game;
  if (name.find("common") == std::string::npos) game.rewards = Rewards::individual;
  if (name.find("congestion") != std::string::npos) game.transitions = Transitions::strategy_independent;
  return game;
}

TEST(ExactReference, RoutingGamesAreThoseOfTheFile) {
  auto const file = io::File::open(reference_file("games.h5"));
  for (std::string const name : {"routing_common", "routing_congestion", "routing_not_potential"}) {
    SCOPED_TRACE(name);
    Case const c(file, name);
    auto const game = routing_of(name);
    auto const tables = tabulated(game);
    EXPECT_LE(worst(tables.rewards, c.game.rewards), 0);
    EXPECT_LE(worst(tables.transitions, c.game.transitions), 1e-15);
    if (game.rewards == Rewards::individual) {
      EXPECT_LE(worst(stage_potential(game), c.read("stage_potential")), 1e-15);
    }
    auto const policy = c.read("policy");
    auto const found = evaluate(game, policy);  // without tables
    EXPECT_LE(worst(found.value, c.read("V")), 1e-12);
    EXPECT_LE(worst(found.q, c.read("Q_local")), 1e-12);
    EXPECT_LE(worst(found.best_value, c.read("V_best_response")), 1e-12);
  }
}

TEST(ExactReference, MeanField) {
  auto const file = io::File::open(reference_file("games.h5"));
  for (auto const& name : file.list("/mean_field")) {
    SCOPED_TRACE(name);
    std::string const path = "/mean_field/" + name;
    auto const about = file.attributes(path);
    auto const game = routing_of(name);
    auto policy = file.read_all<double>(path + "/policy_first");
    for (int k = 0; k < 4000; ++k) mean_field_step(game, about.get<double>("tau"), about.get<double>("beta"), policy);
    EXPECT_LE(worst(policy, file.read_all<double>(path + "/policy_last")), 1e-6);
    EXPECT_LE(worst(evaluate(game, policy).nash_distance(), file.read_all<double>(path + "/nash_distance_l1_last")),
              1e-6);
  }
}

}  // namespace
}  // namespace krate::games
