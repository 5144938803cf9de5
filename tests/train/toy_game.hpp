// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/train/closed_loop_step.hpp"
#include "support/checks.hpp"

namespace {

/// 16 x 16 images of three classes in turn: horizontal bars, vertical bars, discs.
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

inline Array classes_in_turn(std::size_t count) {
  Array classes({count});
  for (std::size_t i = 0; i < count; ++i) classes(i) = static_cast<double>(i % 3);
  return classes;
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
    auto const labels = view<krate::Label, 1>(classes_in_turn(batch));
    std::vector<krate::train::ClosedLoopResult> all;
    for (std::int64_t i = 0; i < steps; ++i) all.push_back(game.run(space, images, labels, i, 1e-3));
    return all;
  }
};

}  // namespace
