// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <numeric>

#include "krate/analysis/class_subspaces.hpp"
#include "krate/train/closed_loop_step.hpp"
#include "support/checks.hpp"

namespace {

/// 16 x 16 images of three classes: horizontal bars, vertical bars, discs.
inline Array bars_and_discs(std::size_t count, std::uint64_t seed) {
  Array images({count, 1, 16, 16});
  auto const u = [&](std::size_t i, std::uint64_t k) { return krate::testing::fill_u(seed, 8 * i + k); };
  for (std::size_t i = 0; i < count; ++i) {
    double const at = 2 + 11 * u(i, 0), width = 1 + 2 * u(i, 1), other = 4 + 8 * u(i, 2), radius = 3 + 3 * u(i, 3);
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x) {
        bool const ink = i % 3 == 0   ? std::abs(y - at) < width
                         : i % 3 == 1 ? std::abs(x - at) < width
                                      : (x - other) * (x - other) + (y - at) * (y - at) < radius * radius;
        images.data[(i * 16 + static_cast<std::size_t>(y)) * 16 + static_cast<std::size_t>(x)] = ink ? 1 : 0;
      }
  }
  return images;
}

struct ToyGame {
  static constexpr std::size_t batch = 300;
  TestSpace space;
  krate::models::CscCtrlConfig config;
  krate::train::ClosedLoopStep<TestSpace, float> game;
  explicit ToyGame(bool sparse)
      : config([&] {
          krate::models::CscCtrlConfig c;
          c.sparse = sparse;
          c.image_size = 16;
          c.width = 16;
          c.dim = 32;
          c.classes = 3;
          return c;
        }()),
        game(space, {}, krate::models::CscCtrl<TestSpace, float>(space, config, krate::Seed{1}),
             {.local_batch = batch}) {}

  std::vector<krate::train::ClosedLoopResult> play(std::int64_t steps) {
    auto const images = view<float, 4>(bars_and_discs(batch, 5));
    Array classes({batch});
    for (std::size_t i = 0; i < batch; ++i) classes(i) = static_cast<double>(i % 3);
    auto const labels = view<krate::Label, 1>(classes);
    std::vector<krate::train::ClosedLoopResult> all;
    for (std::int64_t i = 0; i < steps; ++i) all.push_back(game.run(space, images, labels, i, 1e-3));
    return all;
  }
};

template <class T>
struct ClosedLoopStepTest : ::testing::Test {};
SCALAR_TESTS(ClosedLoopStepTest, krate::testing::OnlyFloat);

// K8: the toy game.
SCALAR_TEST(ClosedLoopStepTest, ToyGame) {
  ToyGame toy(true);
  auto const results = toy.play(101);
  auto const mean_from = [&](std::size_t first) {
    double sum = 0;
    for (std::size_t i = first; i < first + 10; ++i) sum += results[i].values[0] / 10;
    return sum;
  };
  EXPECT_GT(results.back().values[0], 4.5);
  for (std::size_t i = 10; i + 10 < results.size(); i += 10) EXPECT_GT(mean_from(i), mean_from(i - 10));

  auto& encoder = toy.game.model().encoder;
  krate::Arena<TestSpace> arena(toy.space, 1 << 28);
  auto const features_of = [&](Array const& images, auto const& use) {
    auto work = arena.workspace();
    Array x({images.size(), 1}, images.data);
    for (double& v : x.data) v = 2 * v - 1;
    auto const pixels = view<float, 2>(x);
    auto state = encoder.cut(work, images.extent(0));
    encoder.forward(toy.space, {}, krate::models::Statistics::collected, 0, pixels, state, work);
    use(state.features());
    toy.space.fence("krate::test: features are used");
  };
  krate::ClassMoments<TestSpace> moments(toy.space, {}, {.dim = 32, .classes = 3});
  Array classes({300});
  for (std::size_t i = 0; i < 300; ++i) classes(i) = static_cast<double>(i % 3);
  auto const labels = view<krate::Label, 1>(classes);
  features_of(bars_and_discs(300, 5), [&](auto const& z) { moments.add(toy.space, z, labels); });
  krate::analysis::ClassSubspaces<TestSpace> const subspaces(toy.space, moments, 5);
  auto const found = view<krate::Label, 1>(classes);
  features_of(bars_and_discs(300, 6), [&](auto const& z) { subspaces.classify(toy.space, z, found); });
  int right = 0;
  Array const answers = to_array(found);
  for (std::size_t i = 0; i < 300; ++i) right += answers(i) == classes(i);
  EXPECT_GE(right, 285);
}

SCALAR_TEST(ClosedLoopStepTest, RepeatsToTheBitAndRefuses) {
  for (bool const sparse : {true, false}) {
    ToyGame one(sparse), two(sparse);
    auto const first = one.play(2), second = two.play(2);
    EXPECT_EQ(first[1].values, second[1].values);
    EXPECT_EQ(first[1].gradient_norm, second[1].gradient_norm);
    EXPECT_GT(first[1].game(), 0);
  }
  ToyGame toy(true);
  auto const many = view<float, 4>(Array({301, 1, 16, 16})), large = view<float, 4>(Array({3, 1, 16, 17}));
  auto const labels = view<krate::Label, 1>(Array({301})), three = view<krate::Label, 1>(Array({3}));
  EXPECT_ERROR(krate::ValueError, "samples = 301, but it must not exceed local_batch",
               toy.game.run(toy.space, many, labels, 0, 1e-3));
  EXPECT_ERROR(krate::ShapeError, "krate::train::ClosedLoopStep: images",
               toy.game.run(toy.space, large, three, 0, 1e-3));
}

}  // namespace
