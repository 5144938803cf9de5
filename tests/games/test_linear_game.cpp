// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/games/linear_game.hpp"

#include <gtest/gtest.h>

#include "games/subspace_data.hpp"
#include "support/op_test.hpp"

namespace krate::games {
namespace {

using Numbers = std::vector<double>;

/// sin(0.7 i + 0.65 j^2 + 0.9 i j + s) in row i, column j.
Numbers waves(std::size_t rows, std::size_t columns, double s) {
  Numbers found;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      double const a = static_cast<double>(i), b = static_cast<double>(j);
      found.push_back(std::sin(0.7 * a + 0.65 * b * b + 0.9 * a * b + s));
    }
  return found;
}

PursuitData page_data() {
  PursuitData d{.dim = 5, .classes = 2};
  for (auto const& [count, s] : {std::pair(std::size_t(6), 0.1), {std::size_t(7), 0.6}}) {
    auto const rows = turned(waves(5, count, s), 5);
    d.rows.insert(d.rows.end(), rows.begin(), rows.end());
    d.labels.insert(d.labels.end(), count, s < 0.5 ? 0 : 1);
  }
  return d;
}
LinearMaps const page_maps{waves(4, 5, 0.4), waves(5, 4, 0.8)};

TEST(LinearGame, GoldenValues) {
  auto const data = statistics(page_data());
  auto const v = linear_values(data, page_maps, 1);
  EXPECT_NEAR(v.expansion, 0.149694055799496, 1e-13);
  EXPECT_NEAR(v.inconsistency, 1.05064505356323, 1e-12);
  EXPECT_NEAR(norm(v.expansion_by_encoder), 0.0904717721659323, 1e-13);
  EXPECT_NEAR(norm(v.inconsistency_by_encoder), 0.900901460765022, 1e-12);
  EXPECT_NEAR(norm(v.inconsistency_by_decoder), 0.703677771537962, 1e-12);
  EXPECT_NEAR(v.inconsistency_by_decoder[1 * 4 + 2], -0.271098816361635, 1e-12);
  Numbers tripled = page_maps.encoder;
  for (double& x : tripled) x *= 3;
  auto const p = project_on_norms(data, tripled);
  EXPECT_NEAR(norm(p.encoder), 2.19183096056769, 1e-10);
  EXPECT_NEAR(p.encoder[0], 0.49543293292427, 1e-10);
  EXPECT_NEAR(p.multipliers[0], 0.534664956704745, 1e-9);
  EXPECT_NEAR(p.multipliers[1], 1.37855879040791, 1e-9);
  EXPECT_LE(p.iterations, 20);
}

TEST(LinearGame, GradientsByFivePoints) {
  auto const data = statistics(subspaces(6, {5, 9, 4}, {2, 3, 1}, 0.3));
  LinearMaps const maps{normal(4 * 6, 1), normal(6 * 4, 2)};
  auto const v = linear_values(data, maps, 0.7);
  auto const value = [&](LinearMaps const& at, bool expansion) {
    auto const w = linear_values(data, at, 0.7);
    return expansion ? w.expansion : w.inconsistency;
  };
  for (std::uint64_t seed = 3; seed < 6; ++seed) {
    auto const direction = normal(24, seed);
    auto const check = [&](bool encoder, bool expansion, Numbers const& gradient) {
      auto const f = [&](double s) {
        auto at = maps;
        auto& moved = encoder ? at.encoder : at.decoder;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += s * direction[i];
        return value(at, expansion);
      };
      double const h = 1e-3, numeric = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
      double exact = 0;
      for (std::size_t i = 0; i < direction.size(); ++i) exact += gradient[i] * direction[i];
      EXPECT_NEAR(numeric, exact, 1e-8 * std::max(1.0, std::abs(exact)));
    };
    check(true, true, v.expansion_by_encoder);
    check(true, false, v.inconsistency_by_encoder);
    check(false, false, v.inconsistency_by_decoder);
  }
}

TEST(LinearGame, TheFollowersBestReplyIsConsistent) {  // C3
  auto const data = statistics(subspaces(50, {500, 500, 500}, {3, 4, 5}));
  LinearMaps maps{normal(40 * 50, 1), {}};
  maps.decoder = pseudo_inverse(maps.encoder, 40, 50);
  auto const v = linear_values(data, maps, 1);
  EXPECT_LE(v.inconsistency, 1e-12);
  EXPECT_LE(norm(v.inconsistency_by_encoder), 1e-11);
  EXPECT_LE(norm(v.inconsistency_by_decoder), 1e-9);
  auto const change = normal(maps.decoder.size(), 2, 0.01);
  for (std::size_t i = 0; i < change.size(); ++i) maps.decoder[i] += change[i];
  double const moved = linear_values(data, maps, 1).inconsistency;
  EXPECT_GT(moved, 5);  // 22.8 on the page's data
  EXPECT_LT(moved, 60);
}

void expect_equilibrium(std::vector<std::size_t> const& counts, double expansion, Numbers const& singular,
                        Numbers const& multipliers) {
  auto const samples = subspaces(50, counts, {3, 4, 5});
  auto const data = statistics(samples);
  auto const e = oracle_equilibrium(data, 40, 1);
  EXPECT_NEAR(e.expansion, expansion, 1e-6);
  auto const v = linear_values(data, e.maps, 1);
  EXPECT_NEAR(v.expansion, e.expansion, 1e-10);
  EXPECT_LE(v.inconsistency, 1e-12);
  EXPECT_LE(norm(v.inconsistency_by_decoder), 1e-8);
  EXPECT_EQ(e.ranks, (std::vector<std::size_t>{3, 4, 5}));
  EXPECT_LE(cross_cosine(samples, images(samples, e.maps.encoder)).first, 1e-10);
  // KKT: the gradient is sum_j mu_j F S_j; and F S_j F^T is a projector times the squared singular value over n_j
  Numbers rest = v.expansion_by_encoder;
  std::size_t const size = 50 * 50;
  for (std::size_t j = 0; j < 3; ++j) {
    Numbers const moment(data.moments.begin() + static_cast<std::ptrdiff_t>(j * size),
                         data.moments.begin() + static_cast<std::ptrdiff_t>((j + 1) * size));
    auto const image = times(e.maps.encoder, moment, 50);
    auto const code = times(image, turned(e.maps.encoder, 40), 50);
    double const square = singular[j] * singular[j] / static_cast<double>(counts[j]);
    auto scaled = code;
    for (double& x : scaled) x *= square;
    EXPECT_LE(off(times(code, code, 40), scaled), 1e-9);  // directions of classes are nearly the same
    if (multipliers.empty()) continue;
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= multipliers[j] * image[i];
  }
  if (multipliers.empty()) return;
  EXPECT_LE(norm(rest), 1e-3);  // as many digits as the page has
}

TEST(LinearGame, ClosedFormEquilibrium) {  // C1
  expect_equilibrium({500, 500, 500}, 3.961864, {12.9099445, 11.1803399, 10}, {1.5187, 1.8648, 2.1549});
  expect_equilibrium({300, 500, 700}, 3.807371, {10, 11.1803399, 11.8321596}, {});
}

TEST(LinearGame, AProjectionIsNearestAndFeasible) {
  auto const data = statistics(subspaces(8, {6, 7, 9}, {2, 3, 2}, 0.01));
  auto const start = normal(5 * 8, 4);
  auto const p = project_on_norms(data, start);
  for (std::size_t j = 0; j < 3; ++j) {
    Numbers const moment(data.moments.begin() + static_cast<std::ptrdiff_t>(64 * j),
                         data.moments.begin() + static_cast<std::ptrdiff_t>(64 * (j + 1)));
    auto const image = times(p.encoder, moment, 8);
    double square = 0;
    for (std::size_t i = 0; i < image.size(); ++i) square += image[i] * p.encoder[i];
    EXPECT_LE(square, 1 + 1e-9);
    EXPECT_GE(p.multipliers[j], 0);
    EXPECT_NEAR(p.multipliers[j] * (square - 1), 0, 1e-7);
  }
  auto const again = project_on_norms(data, p.encoder);
  EXPECT_LE(off(again.encoder, p.encoder), 1e-8);
  Numbers small = start;
  for (double& x : small) x *= 1e-3;
  auto const inside = project_on_norms(data, small);
  EXPECT_EQ(inside.iterations, 0);
  EXPECT_LE(off(inside.encoder, small), 1e-15);
}

TEST(LinearGame, MapsOfOneColumnAndNoClass) {
  PursuitData d{.dim = 1, .classes = 3, .rows = {2, -1, 0.5}, .labels = {0, 2, 2}};
  auto const data = statistics(d);
  EXPECT_EQ(data.classes(), 2u);
  auto const v = linear_values(data, {{0.5}, {2}}, 1);
  double const c0 = 1, c1 = 0.625 / 4, all = (c0 + 2 * c1) / 3;
  EXPECT_NEAR(v.expansion, 0.5 * (std::log(1 + all) - std::log(1 + c0) / 3 - 2 * std::log(1 + c1) / 3), 1e-14);
  EXPECT_NEAR(v.inconsistency, 0, 1e-14);
  EXPECT_NEAR(pseudo_inverse(Numbers{4}, 1, 1)[0], 0.25, 1e-15);
  EXPECT_NEAR(polar_factor(Numbers{-4}, 1, 1)[0], -1, 1e-15);
}

TEST(LinearGame, Errors) {
  auto const data = statistics(page_data());
  EXPECT_ERROR(ValueError, "eps_squared = 0, but it must be positive", linear_values(data, page_maps, 0));
  EXPECT_ERROR(ShapeError, "expected a multiple of 5", linear_values(data, {Numbers(4), Numbers(4)}, 1));
  EXPECT_ERROR(ShapeError, "the decoder has 5 entries, expected 10", linear_values(data, {Numbers(10), Numbers(5)}, 1));
  EXPECT_ERROR(ValueError, "label = 2", class_statistics(Numbers{1}, 1, std::vector<Label>{2}, 2));
  EXPECT_ERROR(ValueError, "must be finite", class_statistics(Numbers{NAN}, 1, std::vector<Label>{0}, 1));
  EXPECT_ERROR(ShapeError, "rows has 3 entries", class_statistics(Numbers{1, 2, 3}, 2, std::vector<Label>{0}, 1));
  EXPECT_ERROR(ValueError, "dimensions = 10", oracle_equilibrium(data, 4, 1));
  EXPECT_ERROR(ValueError, "classes = 2", principal_encoder(data, 2));
  EXPECT_ERROR(NumericalError, "lacks rank", polar_factor(Numbers{1, 1, 1, 1}, 2, 2));
}

}  // namespace
}  // namespace krate::games
