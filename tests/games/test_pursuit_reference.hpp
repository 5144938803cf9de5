// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/ctrl.h5: plays and ascents.
#include "games/ctrl_reference.hpp"
#include "games/pursuit_runs.hpp"

namespace {

#define KRATE_PURSUIT_REFERENCE_NAMED(space) PursuitReference##space
#define KRATE_PURSUIT_REFERENCE_OF(space) KRATE_PURSUIT_REFERENCE_NAMED(space)
#define KRATE_PURSUIT_REFERENCE KRATE_PURSUIT_REFERENCE_OF(KRATE_TEST_SPACE_NAME)

TEST(KRATE_PURSUIT_REFERENCE, SequentialPlay) {
  TestSpace const space;
  CtrlFile const f;
  for (std::string const name : {"one_class", "page", "small", "tall_decoder"}) {
    std::string const g = "/values/" + name, play = g + "/play";
    PursuitRule const rule{.width = f.rows(g + "/F"),
                           .eps_squared = f.attribute(g, "eps2"),
                           .encoder_rate = f.attribute(play, "lr_F"),
                           .decoder_rate = f.attribute(play, "lr_G"),
                           .inner_steps = 10,
                           .batch = 0};
    Pursuit pursuit(space, std::vector{f.data(g)}, std::vector{PursuitGame{0, rule}}, 3);
    pursuit.set_maps(space, 0, {f.numbers(play + "/F_0"), f.numbers(play + "/G_0")});
    std::vector<double> curve;
    for (std::size_t k = 1; k <= 3; ++k) {
      pursuit.run(space, 1);
      auto const maps = pursuit.maps(space, 0);
      EXPECT_LE(off(maps.encoder, f.numbers(play + "/F_" + std::to_string(k))), 1e-8) << name << k;
      EXPECT_LE(off(maps.decoder, f.numbers(play + "/G_" + std::to_string(k))), 1e-8) << name << k;
      curve.push_back(f.numbers(play + "/delta_R")[k - 1]);
      curve.push_back(f.numbers(play + "/L")[k - 1]);
    }
    EXPECT_LE(off(pursuit.curve(space, 0), curve), 1e-8) << name;
  }
}

/// Samples that have these moments: rows of their factors, and zeros.
PursuitData with_moments(ClassStatistics const& s) {
  PursuitData found{.dim = s.dim, .classes = s.classes()};
  for (std::size_t j = 0; j < s.classes(); ++j) {
    auto const begin = s.moments.begin() + static_cast<std::ptrdiff_t>(j * s.dim * s.dim);
    std::vector<double> rest(begin, begin + static_cast<std::ptrdiff_t>(s.dim * s.dim));
    auto const count = static_cast<std::size_t>(s.counts[j]);
    for (std::size_t n = 0; n < count; ++n) {
      std::size_t pivot = 0;
      for (std::size_t c = 1; c < s.dim; ++c)
        if (rest[c * (s.dim + 1)] > rest[pivot * (s.dim + 1)]) pivot = c;
      double const square = rest[pivot * (s.dim + 1)];
      std::vector<double> row(s.dim, 0);
      if (square > 1e-14)
        for (std::size_t c = 0; c < s.dim; ++c) row[c] = rest[pivot * s.dim + c] / std::sqrt(square);
      for (std::size_t a = 0; a < s.dim; ++a)
        for (std::size_t c = 0; c < s.dim; ++c) rest[a * s.dim + c] -= row[a] * row[c];
      for (double const x : row) found.rows.push_back(x * std::sqrt(s.counts[j]));
      found.labels.push_back(static_cast<krate::Label>(j));
    }
  }
  return found;
}

TEST(KRATE_PURSUIT_REFERENCE, AscentOfTheLeader) {  // C6
  TestSpace const space;
  CtrlFile const f;
  for (std::string const name : {"paper", "unequal", "small"}) {
    std::string const g = "/equilibrium/" + name;
    auto const rule = ascent(f.rows(g + "/F"), f.attribute(g, "eps2"));
    Pursuit pursuit(space, std::vector{with_moments(f.moments(g))}, std::vector{PursuitGame{0, rule}}, 600);
    pursuit.set_maps(space, 0, {f.numbers(g + "/ascent/F_0"), f.numbers(g + "/G")});
    pursuit.run(space, 20);
    EXPECT_LE(off(pursuit.maps(space, 0).encoder, f.numbers(g + "/ascent/F_20")), 1e-8) << name;
    pursuit.run(space, 580);
    auto const curve = pursuit.curve(space, 0);
    std::vector<double> found;
    for (std::size_t const at : {1, 2, 3, 5, 10, 20, 50, 100, 200, 300, 600}) found.push_back(curve[2 * (at - 1)]);
    auto expected = f.numbers(g + "/ascent/delta_R");
    expected.erase(expected.begin());
    EXPECT_LE(off(found, expected), 1e-8) << name;
  }
}

}  // namespace
