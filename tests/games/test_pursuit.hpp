// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "games/pursuit_runs.hpp"

namespace {

#define KRATE_PURSUIT_NAMED(space) Pursuit##space
#define KRATE_PURSUIT_SUITE_OF(space) KRATE_PURSUIT_NAMED(space)
#define KRATE_PURSUIT_SUITE KRATE_PURSUIT_SUITE_OF(KRATE_TEST_SPACE_NAME)

/// One inner and one outer step by host formulas.
struct PlainPlay {
  krate::games::ClassStatistics data;
  PursuitRule rule;
  LinearMaps maps;
  std::vector<double> memory[4];
  int outer = 0, inner = 0;

  PlainPlay(PursuitData const& d, PursuitRule const& r, LinearMaps const& start)
      : data(statistics(d)), rule(r), maps(start) {
    for (auto& m : memory) m.assign(start.encoder.size(), 0.0);
  }
  static void adam(double rate, int time, std::vector<double> const& g, std::vector<double>& m, std::vector<double>& v,
                   std::vector<double>& x) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
      x[i] += rate * m[i] / (1 - std::pow(0.9, time)) / (std::sqrt(v[i] / (1 - std::pow(0.999, time))) + 1e-8);
    }
  }
  void step() {
    auto v = linear_values(data, maps, rule.eps_squared);
    for (std::size_t i = 0; i < maps.encoder.size(); ++i) v.inconsistency_by_encoder[i] += v.expansion_by_encoder[i];
    adam(rule.encoder_rate, ++outer, v.inconsistency_by_encoder, memory[0], memory[1], maps.encoder);
    maps.encoder = project_on_norms(data, maps.encoder).encoder;
    for (std::size_t k = 0; k < rule.inner_steps; ++k) {
      v = linear_values(data, maps, rule.eps_squared);
      adam(-rule.decoder_rate, ++inner, v.inconsistency_by_decoder, memory[2], memory[3], maps.decoder);
    }
  }
};

TEST(KRATE_PURSUIT_SUITE, PlaysAsPlainFormulasDo) {
  TestSpace const space;
  for (std::size_t const width : {3, 5, 11}) {  // of which one needs the other form of the decoder's step
    auto const data = subspaces(7, {12, 15}, {2, 3}, width == 5 ? 0.2 : 0.0);
    PursuitRule const rule{.width = width, .eps_squared = 0.8, .inner_steps = 6, .batch = 0, .seed = 3};
    Pursuit pursuit(space, std::vector{data}, std::vector{PursuitGame{0, rule}}, 4);
    PlainPlay plain(data, rule, pursuit.maps(space, 0));
    std::vector<double> curve;
    for (int k = 0; k < 4; ++k) {
      plain.step();
      auto const v = linear_values(plain.data, plain.maps, rule.eps_squared);
      curve.insert(curve.end(), {v.expansion, v.inconsistency});
    }
    pursuit.run(space, 4);
    auto const found = pursuit.maps(space, 0);
    EXPECT_LE(off(found.encoder, plain.maps.encoder), 1e-9) << width;
    EXPECT_LE(off(found.decoder, plain.maps.decoder), 1e-9) << width;
    EXPECT_LE(off(pursuit.curve(space, 0), curve), 1e-9) << width;
  }
}

TEST(KRATE_PURSUIT_SUITE, ABatchOfAllSamplesIsAllSamples) {
  TestSpace const space;
  auto const data = subspaces(7, {6, 5, 4}, {2, 3, 2}, 0.05);
  PursuitRule all{.width = 6, .inner_steps = 8, .batch = 0}, batch = all;
  batch.batch = data.samples();
  Pursuit pursuit(space, std::vector{data}, std::vector<PursuitGame>{{0, all}, {0, batch}}, 5);
  pursuit.run(space, 5);
  EXPECT_LE(off(pursuit.maps(space, 0).encoder, pursuit.maps(space, 1).encoder), 1e-8);
  EXPECT_LE(off(pursuit.curve(space, 0), pursuit.curve(space, 1)), 1e-8);
}

TEST(KRATE_PURSUIT_SUITE, TogetherAsAlone) {
  TestSpace const space;
  auto const data = few_data();
  auto const games = few_games();
  Pursuit together(space, data, games, 9), again(space, data, games, 9);
  together.run(space, 9);
  again.run(space, 4);
  again.run(space, 5);
  for (std::size_t g = 0; g < games.size(); ++g) {
    Pursuit alone(space, data, std::vector{games[g]}, 9);
    alone.run(space, 9);
    auto const numbers = together.save(space, g);
    EXPECT_EQ(numbers, alone.save(space, 0)) << g;
    EXPECT_EQ(numbers, again.save(space, g)) << g;
    for (double const x : numbers) ASSERT_TRUE(std::isfinite(x)) << g;
  }
}

TEST(KRATE_PURSUIT_SUITE, GoesOnFromWhatWasSaved) {
  TestSpace const space;
  auto const data = few_data();
  auto const games = few_games();
  Pursuit whole(space, data, games, 6), half(space, data, games, 6), other(space, data, games, 6);
  whole.run(space, 6);
  half.run(space, 2);
  for (std::size_t g = 0; g < games.size(); ++g) other.restore(space, 2, g, half.save(space, g));
  other.run(space, 4);
  EXPECT_EQ(other.step(), 6u);
  for (std::size_t g = 0; g < games.size(); ++g) EXPECT_EQ(other.save(space, g), whole.save(space, g));
}

TEST(KRATE_PURSUIT_SUITE, AscentReachesTheClosedForm) {  // C6
  TestSpace const space;
  std::vector<PursuitData> const data{subspaces(50, {500, 500, 500}, {3, 4, 5}),
                                      subspaces(50, {300, 500, 700}, {3, 4, 5})};
  Pursuit pursuit(space, data, std::vector<PursuitGame>{{0, ascent(40, 1)}, {1, ascent(40, 1)}}, 600);
  pursuit.run(space, 600);
  double const expected[] = {3.9618639359156, 3.8073709334312};
  for (std::size_t g = 0; g < 2; ++g) {
    auto const curve = pursuit.curve(space, g);
    for (std::size_t k = 2; k < curve.size(); k += 2) ASSERT_GE(curve[k], curve[k - 2] - 1e-11) << k / 2;
    EXPECT_NEAR(curve[2 * 299], expected[g], 1e-5);
    EXPECT_NEAR(curve[2 * 599], expected[g], 1e-9);
    auto const maps = pursuit.maps(space, g);
    EXPECT_LE(linear_values(statistics(data[g]), maps, 1).inconsistency, 1e-12);
    EXPECT_LE(cross_cosine(data[g], images(data[g], maps.encoder)).first, 1e-4);
  }
}

TEST(KRATE_PURSUIT_SUITE, SingleSubspaceBecomesItsPrincipalDirections) {  // C5
  TestSpace const space;
  auto const data = subspaces(50, {500}, {10});
  std::vector<PursuitGame> games;
  for (std::size_t const width : {10, 20, 40}) {
    auto rule = ascent(width, 1);
    rule.constraint = Constraint::orthogonal;
    rule.encoder_rate = 2e-2;
    games.push_back({0, rule});
  }
  Pursuit pursuit(space, std::vector{data}, games, 4000);
  pursuit.run(space, 4000);
  for (std::size_t g = 0; g < games.size(); ++g) {
    auto const curve = pursuit.curve(space, g);
    double const best = krate::games::principal_rate(statistics(data), games[g].rule.width, 1);
    EXPECT_NEAR(curve[curve.size() - 2], best, 2e-6 * best) << games[g].rule.width;
    auto const z = images(data, pursuit.maps(space, g).encoder);
    EXPECT_NEAR(norm(z) / norm(data.rows), 1, 1e-5) << games[g].rule.width;
  }
}

TEST(KRATE_PURSUIT_SUITE, PapersRun) {  // C4
  TestSpace const space;
  auto const data = subspaces(50, {500, 500, 500}, {3, 4, 5});
  Pursuit pursuit(space, std::vector{data}, std::vector{PursuitGame{}}, 60);
  pursuit.run(space, 60);
  auto const maps = pursuit.maps(space, 0);
  auto const v = linear_values(statistics(data), maps, 1);
  EXPECT_GE(v.expansion, 3.5);
  EXPECT_LE(v.inconsistency, 1);  // 0.254 on the page's data
  EXPECT_LE(cross_cosine(data, images(data, maps.encoder)).second, 0.12);
}

TEST(KRATE_PURSUIT_SUITE, LabelsAndSpace) {
  TestSpace const space;
  Pursuit pursuit(space, few_data(), few_games(), 1);
  krate::testing::Recording const recording;
  pursuit.run(space, 1);
  EXPECT_TRUE(recording.saw("krate::games::play_pursuit"));
  EXPECT_TRUE(recording.unlabelled().empty());
  EXPECT_EQ(recording.count(krate::testing::Event::allocation), 0u);
  EXPECT_EQ(recording.count(krate::testing::Event::fence), 0u);
}

TEST(KRATE_PURSUIT_SUITE, Errors) {
  using krate::ShapeError;
  using krate::ValueError;
  TestSpace const space;
  auto const data = few_data();
  auto const make = [&](PursuitRule const& rule) { Pursuit(space, data, std::vector{PursuitGame{0, rule}}, 1); };
  EXPECT_ERROR(ValueError, "games = 0", Pursuit(space, data, std::vector<PursuitGame>{}, 1));
  EXPECT_ERROR(ValueError, "width = 0", make({.width = 0}));
  EXPECT_ERROR(ValueError, "batch = 33", make({.batch = 33}));
  EXPECT_ERROR(ValueError, "eps_squared = -1", make({.eps_squared = -1, .batch = 0}));
  EXPECT_ERROR(ValueError, "data = 2", Pursuit(space, data, std::vector{PursuitGame{2, {}}}, 1));
  auto spoilt = data;
  spoilt[1].rows[3] = NAN;
  EXPECT_ERROR(ValueError, "must be finite", Pursuit(space, spoilt, few_games(), 1));
  spoilt[1].rows.pop_back();
  EXPECT_ERROR(ShapeError, "rows has 179 entries, expected 180", Pursuit(space, spoilt, few_games(), 1));
  Pursuit pursuit(space, data, few_games(), 2);
  EXPECT_ERROR(ValueError, "steps = 3", pursuit.run(space, 3));
  EXPECT_ERROR(ShapeError, "what save() gives", pursuit.restore(space, 0, 0, std::vector<double>(3)));
  EXPECT_ERROR(ShapeError, "expected 45", pursuit.set_maps(space, 0, {{1}, {1}}));
  EXPECT_ERROR(ValueError, "game = 9", pursuit.maps(space, 9));
}

}  // namespace
