// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <numeric>

#include "krate/analysis/class_subspaces.hpp"
#include "train/toy_game.hpp"

namespace {

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
  auto const& last = results.back().values;
  EXPECT_GT(last[0], 4.5);
  EXPECT_LT(last[0], 7.2);  // the most that three classes in 32 dimensions have
  EXPECT_GT(last[1], 1);
  EXPECT_LT(last[1], 4);
  EXPECT_GT(last[2], 2);
  EXPECT_LT(last[2], 10);
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
  Array const classes = classes_in_turn(300);
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
