// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/subspace_data.hpp"
#include "krate/train/network_pursuit.hpp"
#include "support/checks.hpp"
#include "support/two_layer_oracle.hpp"

namespace krate::testing {
namespace {

using games::PursuitRule;
using train::NetworkPursuit;

template <class T>
struct NetworkPursuitTest : ::testing::Test {};
SCALAR_TESTS(NetworkPursuitTest, OnlyDouble);

/// 1/2 log det(I + scale z^T z) of the rows that `chosen` has, by Gauss's elimination.
double plain_rate(std::vector<Array const*> const& sets, std::vector<krate::Label> const& labels, int chosen,
                  double beta) {
  std::size_t const d = sets[0]->extent(1);
  std::vector<double> m(d * d, 0);
  double count = 0, sum = 0;
  for (auto const* z : sets)
    for (std::size_t n = 0; n < labels.size(); ++n) {
      if (chosen >= 0 && labels[n] != chosen) continue;
      ++count;
      for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j < d; ++j) m[i * d + j] += (*z)(n, i) * (*z)(n, j);
    }
  for (std::size_t i = 0; i < d * d; ++i) m[i] = beta / count * m[i] + (i % (d + 1) == 0 ? 1 : 0);
  for (std::size_t k = 0; k < d; ++k) {
    sum += 0.5 * std::log(m[k * d + k]);
    for (std::size_t i = k + 1; i < d; ++i)
      for (std::size_t j = d; j-- > k;) m[i * d + j] -= m[i * d + k] / m[k * d + k] * m[k * d + j];
  }
  return sum;
}

/// The game on all samples by plain loops, and derivatives by differences.
struct PlainNetworks {
  PursuitData const& data;
  PursuitRule rule;
  models::TwoLayerConfig shapes[2];
  Array maps[2], memory[2][2];
  int taken[2] = {0, 0};

  PlainNetworks(PursuitData const& d, PursuitRule const& r, std::size_t hidden, std::vector<double> const& start)
      : data(d), rule(r), shapes{{d.dim, hidden, r.width, true}, {r.width, hidden, d.dim, false}} {
    auto const sizes = NetworkPursuit<TestSpace>::network_sizes(d.dim, hidden, r.width);
    auto from = start.begin();
    for (int k = 0; k < 2; ++k) {
      maps[k] = Array({sizes[k]}, {from, from + static_cast<std::ptrdiff_t>(sizes[k])});
      from += static_cast<std::ptrdiff_t>(sizes[k]);
      for (auto& m : memory[k]) m = Array({sizes[k]});
    }
  }
  /// Expansion and inconsistency.
  std::pair<double, double> values() const {
    Array const x({data.samples(), data.dim}, data.rows),
        z = two_layer(shapes[0], maps[0].data, x),
        z_hat = two_layer(shapes[0], maps[0].data, two_layer(shapes[1], maps[1].data, z));
    double const beta = static_cast<double>(rule.width) / rule.eps_squared;
    auto const rate = [&](std::vector<Array const*> const& sets, int chosen) {
      return plain_rate(sets, data.labels, chosen, beta);
    };
    double expansion = rate({&z}, -1), inconsistency = 0;
    for (int j = 0; j < static_cast<int>(data.classes); ++j) {
      auto const count = static_cast<double>(std::count(data.labels.begin(), data.labels.end(), j));
      if (count == 0) continue;
      expansion -= count / static_cast<double>(data.samples()) * rate({&z}, j);
      inconsistency += rate({&z, &z_hat}, j) - 0.5 * rate({&z}, j) - 0.5 * rate({&z_hat}, j);
    }
    return {expansion, inconsistency};
  }
  /// Of expansion + inconsistency by the encoder, of inconsistency by the decoder.
  Array gradient(int player) {
    Array found(maps[player].shape);
    for (std::size_t i = 0; i < found.size(); ++i) {
      double& x = maps[player].data[i];
      double const at = x, h = 1e-5;
      auto const f = [&](double s) {
        x = at + s;
        auto const v = values();
        return player == 0 ? v.first + v.second : v.second;
      };
      found.data[i] = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
      x = at;
    }
    return found;
  }
  void adam(int player) {
    Array const g = gradient(player);
    double const rate = player == 0 ? rule.encoder_rate : -rule.decoder_rate;
    int const t = ++taken[player];
    for (std::size_t i = 0; i < g.size(); ++i) {
      double &m = memory[player][0].data[i], &v = memory[player][1].data[i];
      m = 0.9 * m + 0.1 * g.data[i];
      v = 0.999 * v + 0.001 * g.data[i] * g.data[i];
      maps[player].data[i] += rate * m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    }
  }
};

inline Array gradients_of(models::TwoLayer<TestSpace, double> const& network) {
  Array all;
  for (std::size_t i = 0; i < 4; ++i) {
    auto const part = to_array(network.parameters().gradient(i));
    all.data.insert(all.data.end(), part.data.begin(), part.data.end());
  }
  all.shape = {all.size()};
  return all;
}

inline PursuitData three_classes() {
  auto data = subspaces(6, {7, 5, 8}, {2, 3, 2}, 0.1);
  data.classes = 4;  // of which one has no samples
  auto const sample = [&](std::size_t i) { return data.rows.begin() + static_cast<std::ptrdiff_t>(6 * i); };
  std::swap_ranges(sample(1), sample(2), sample(18));
  std::swap(data.labels[1], data.labels[18]);
  return data;
}

// Where no player moves, what Adam was given is left.
SCALAR_TEST(NetworkPursuitTest, GradientsByFivePoints) {
  TestSpace const space;
  auto const data = three_classes();
  PursuitRule const rule{
      .width = 4, .eps_squared = 0.7, .encoder_rate = 0, .decoder_rate = 0, .inner_steps = 1, .batch = 0, .seed = 5};
  NetworkPursuit<TestSpace> game(space, data, rule, 7, 1);
  PlainNetworks plain(data, rule, 7, game.save(space));
  game.run(space, 1);
  auto const v = plain.values();
  EXPECT_NEAR(game.curve()[0], v.first, 1e-13);
  EXPECT_NEAR(game.curve()[1], v.second, 1e-13);
  EXPECT_GT(v.second, 0.01);
  for (int player = 0; player < 2; ++player) {
    Array const found = gradients_of(player == 0 ? game.encoder() : game.decoder());
    EXPECT_LE(worst_error(found, plain.gradient(player)), 1e-8) << player;
    EXPECT_GT(dot(found, found), 1e-4) << player;
  }
}

SCALAR_TEST(NetworkPursuitTest, PlaysAsPlainLoopsDo) {
  TestSpace const space;
  auto const data = three_classes();
  PursuitRule const rule{
      .width = 4, .encoder_rate = 0.02, .decoder_rate = 0.01, .inner_steps = 3, .batch = 0, .seed = 6};
  NetworkPursuit<TestSpace> game(space, data, rule, 5, 3);
  PlainNetworks plain(data, rule, 5, game.save(space));
  std::vector<double> curve;
  for (int step = 0; step < 3; ++step) {
    plain.adam(0);
    for (int k = 0; k < 3; ++k) plain.adam(1);
    auto const v = plain.values();
    curve.insert(curve.end(), {v.first, v.second});
  }
  game.run(space, 3);
  EXPECT_LE(off(game.curve(), curve), 1e-6);
  auto numbers = game.save(space), expected = plain.maps[0].data;
  expected.insert(expected.end(), plain.maps[1].data.begin(), plain.maps[1].data.end());
  numbers.resize(expected.size());
  EXPECT_LE(off(numbers, expected), 1e-6);
  auto const seen = game.look(space, data);
  EXPECT_NEAR(seen.expansion, game.curve()[4], 1e-13);
  EXPECT_NEAR(seen.inconsistency, game.curve()[5], 1e-13);
  Array const x({data.samples(), data.dim}, data.rows), z = two_layer(plain.shapes[0], numbers, x);
  EXPECT_LE(off(seen.codes, z.data), 1e-13);
  EXPECT_EQ(seen.decoded.size(), data.rows.size());
  EXPECT_EQ(seen.recoded.size(), seen.codes.size());
}

SCALAR_TEST(NetworkPursuitTest, ABatchOfAllSamplesIsAllSamples) {
  TestSpace const space;
  auto const data = three_classes();
  PursuitRule all{.width = 4, .inner_steps = 4, .batch = 0}, batch = all;
  batch.batch = data.samples();
  NetworkPursuit<TestSpace> one(space, data, all, 5, 4), other(space, data, batch, 5, 4);
  one.run(space, 4);
  other.run(space, 4);
  EXPECT_LE(off(one.curve(), other.curve()), 1e-8);
}

// Batches of 6 leave 2 of 20: the last one of an epoch is short.
SCALAR_TEST(NetworkPursuitTest, RepeatsAndGoesOnFromWhatWasSaved) {
  TestSpace const space;
  auto const data = three_classes();
  PursuitRule const rule{.width = 4, .inner_steps = 3, .batch = 6};
  NetworkPursuit<TestSpace> whole(space, data, rule, 5, 9), half(space, data, rule, 5, 9),
      rest(space, data, rule, 5, 9);
  whole.run(space, 9);
  half.run(space, 5);
  auto const numbers = half.save(space);
  EXPECT_EQ(numbers.size(), NetworkPursuit<TestSpace>::game_size(6, 5, 4, 9));
  rest.restore(space, 5, numbers);
  EXPECT_EQ(rest.step(), 5u);
  rest.run(space, 4);
  EXPECT_EQ(rest.save(space), whole.save(space));
}

SCALAR_TEST(NetworkPursuitTest, TheFollowerBecomesConsistentAndTheLeaderExpands) {
  TestSpace const space;
  auto const data = subspaces(12, {60, 60, 60}, {2, 3, 2});
  PursuitRule const rule{.width = 10, .inner_steps = 60, .batch = 30};
  NetworkPursuit<TestSpace> game(space, data, rule, 24, 48);
  game.run(space, 48);
  auto const curve = game.curve();
  EXPECT_GT(curve[94], 2 * curve[0]);
  EXPECT_LT(curve[95], curve[3]);
}

SCALAR_TEST(NetworkPursuitTest, Errors) {
  TestSpace const space;
  auto data = three_classes();
  using Game = NetworkPursuit<TestSpace>;
  auto const make = [&](PursuitRule const& rule, std::size_t hidden = 3) { return Game(space, data, rule, hidden, 2); };
  EXPECT_ERROR(ValueError, "hidden = 0", make({.width = 4, .batch = 0}, 0));
  EXPECT_ERROR(ValueError, "batch = 21", make({.batch = 21}));
  EXPECT_ERROR(ValueError, "must be Adam's for both players", make({.follower = games::Follower::exact, .batch = 0}));
  Game game = make({.width = 4, .inner_steps = 1, .batch = 0});
  EXPECT_ERROR(ValueError, "steps = 3", game.run(space, 3));
  EXPECT_ERROR(ShapeError, "what save() gives", game.restore(space, 0, std::vector<double>(3)));
  EXPECT_ERROR(ShapeError, "samples have 9 numbers", game.look(space, subspaces(9, {3}, {1})));
  Game wild = make({.width = 4, .encoder_rate = 1e300, .inner_steps = 1, .batch = 0});
  EXPECT_ERROR(NumericalError, "lower the players' rates", wild.run(space, 2));
  data.rows[4] = NAN;
  EXPECT_ERROR(ValueError, "must be finite", make({.batch = 0}));
}

}  // namespace
}  // namespace krate::testing
