// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/csc_ctrl.hpp"
#include "krate/rate/closed_loop.hpp"
#include "support/checks.hpp"

namespace {

using krate::models::CscCtrl;
using krate::models::CscCtrlConfig;
using krate::models::Statistics;

inline CscCtrlConfig small_loop(bool sparse, double lambda = 0) {
  CscCtrlConfig c;
  c.sparse = sparse;
  c.image_size = 16;
  c.channels = 2;
  c.width = 3;
  c.dim = 5;
  c.classes = 3;
  c.steps = 3;
  c.lambda = lambda;
  return c;
}

/// Encoder, decoder and encoder again, and the value of the game.
template <class T>
struct LoopRun {
  static constexpr std::size_t batch = 9;
  TestSpace space;
  krate::comm::Communicator comm;
  CscCtrl<TestSpace, T> model;
  Array const pixels;
  Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> const x;
  krate::Arena<TestSpace> arena;
  krate::models::ConvEncoderState<TestSpace, T> images, regenerated;
  krate::models::ConvDecoderState<TestSpace, T> decoded;
  krate::Workspace<TestSpace> rest;

  explicit LoopRun(CscCtrlConfig const& c)
      : model(space, c, krate::Seed{3}),
        pixels(filled(1, {batch * c.image_size.height * c.image_size.width, c.channels})),
        x(view<T, 2>(pixels)),
        arena(space, 1 << 24),
        rest(arena.workspace()) {
    images = model.encoder.cut(rest, batch);
    regenerated = model.encoder.cut(rest, batch);
    decoded = model.decoder.cut(rest, batch);
    model.encoder.refresh(space, 30, rest);
    model.decoder.refresh(space);
  }
  /// @param made  what the decoder made; empty: of the features
  double play(Array const& made = {}) {
    auto work = rest;
    model.encoder.forward(space, comm, Statistics::batch, 0, x, images, work);
    model.decoder.forward(space, comm, Statistics::batch, images.features(), decoded, work);
    if (made.size() > 0) krate::testing::assign(decoded.pixels(), made);
    model.encoder.forward(space, comm, Statistics::batch, 1, decoded.pixels(), regenerated, work);
    Array labels({batch});
    for (std::size_t i = 0; i < batch; ++i) labels(i) = static_cast<double>(i % 3);
    krate::Arena<TestSpace> rates(space, krate::closed_loop_workspace<TestSpace>(batch, 5, 3));
    auto const values = view<double, 1>(Array({3}));
    dz = Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>>("krate::test", batch, 5);
    dz_hat = Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>>("krate::test", batch, 5);
    krate::closed_loop_rate(space, comm, images.features(), regenerated.features(), view<krate::Label, 1>(labels),
                            {0.5, 3}, rates.workspace(), values, dz, dz_hat);
    Array const v = to_array(values);
    return v(0) + v(1) + v(2);
  }
  Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> dz, dz_hat;
};

template <class T>
struct CscCtrlTest : ::testing::Test {};
SCALAR_TESTS(CscCtrlTest, krate::testing::OnlyDouble);

SCALAR_TEST(CscCtrlTest, LayersAndConfiguration) {
  auto const layers = CscCtrlConfig{.image_size = 32, .channels = 3, .width = 128, .dim = 512}.layers();
  ASSERT_EQ(layers.size(), 4u);
  std::size_t count = 0;
  for (auto const& s : layers) count += s.atoms * s.patch();
  EXPECT_EQ(count, 128u * 3 * 16 + 256 * 128 * 16 + 512 * 256 * 16 + 512 * 512 * 16);  // 6.8 million
  auto const digits = CscCtrlConfig{}.layers();
  ASSERT_EQ(digits.size(), 3u);
  EXPECT_EQ(digits.back().kernel, 7u);
  auto const c = small_loop(true, 0.1);
  EXPECT_EQ(CscCtrlConfig::from(c.configuration()), c);
  auto plain = small_loop(false);
  plain.steps = CscCtrlConfig{}.steps;
  EXPECT_EQ(CscCtrlConfig::from(plain.configuration()), plain);
  EXPECT_ERROR(krate::ValueError, "image_size.height = 27, but it must be 1 to 7 times a power of 2",
               CscCtrlConfig{.image_size = 27}.validate());
  EXPECT_ERROR(krate::ValueError, "image_size.width = 32, but it must be the height",
               (CscCtrlConfig{.image_size = {16, 32}}.validate()));
  EXPECT_ERROR(krate::ValueError, "image_size.height = 4, but it must be at least 8",
               CscCtrlConfig{.image_size = 4}.validate());
  EXPECT_ERROR(krate::ValueError, "lambda = -1", CscCtrlConfig{.lambda = -1}.validate());
}

/// What a list holds, and sets it.
template <class List>
Array values_of(List const& list) {
  std::vector<double> all;
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    auto const part = to_array(list.value(i)).data;
    all.insert(all.end(), part.begin(), part.end());
  }
  return Array({all.size()}, all);
}
template <class List>
Array gradients_of(List const& list) {
  std::vector<double> all;
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    auto const part = to_array(list.gradient(i)).data;
    all.insert(all.end(), part.begin(), part.end());
  }
  return Array({all.size()}, all);
}
template <class List>
void set_values(List const& list, Array const& all) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    std::size_t const size = list.value(i).size();
    krate::testing::assign(list.value(i),
                           Array({size}, {all.data.begin() + static_cast<std::ptrdiff_t>(begin),
                                          all.data.begin() + static_cast<std::ptrdiff_t>(begin + size)}));
    begin += size;
  }
}

SCALAR_TEST(CscCtrlTest, GradientsOfBothPlayersByFivePoints) {
  for (auto const& c : {small_loop(true), small_loop(true, 0.02), small_loop(false)}) {
    LoopRun<double> run(c);
    auto const &encoder = run.model.encoder.lists().trained, &decoder = run.model.decoder.lists().trained;
    run.play();
    Array const made = to_array(run.decoded.pixels());
    auto const none = krate::Matrix<double, TestSpace>();
    auto const dpixels = view<double, 2>(Array(made.shape));
    run.model.encoder.backward(run.space, run.comm, run.dz, run.images, true, run.rest, none);
    run.model.encoder.backward(run.space, run.comm, run.dz_hat, run.regenerated, true, run.rest, none);
    Array const climbs = gradients_of(encoder), start = values_of(encoder), other = values_of(decoder);
    run.model.encoder.backward(run.space, run.comm, run.dz_hat, run.regenerated, false, run.rest, dpixels);
    run.model.decoder.backward(run.space, run.comm, run.decoded, run.rest, dpixels);
    Array const descends = gradients_of(decoder);
    auto const by_encoder = [&](Array const& v) { return set_values(encoder, v), run.play(made); };
    EXPECT_LE(krate::testing::gradient_error(by_encoder, start, climbs, 1e-6), 1e-5);
    set_values(encoder, start);
    auto const by_decoder = [&](Array const& v) { return set_values(decoder, v), run.play(); };
    EXPECT_LE(krate::testing::gradient_error(by_decoder, other, descends, 1e-6), 1e-5);
  }
}

// Of <w, pixels> by the features.
SCALAR_TEST(CscCtrlTest, GradientOfTheDecodersInput) {
  LoopRun<double> run(small_loop(true));
  Array const features = filled(5, {LoopRun<double>::batch, 5});
  auto const decode = [&](Array const& z) {
    auto const from = view<double, 2>(z);
    run.model.decoder.forward(run.space, run.comm, Statistics::batch, from, run.decoded, run.rest);
    return to_array(run.decoded.pixels());
  };
  Array const w = filled(6, decode(features).shape);
  auto const from = view<double, 2>(features), dpixels = view<double, 2>(w), dfeatures = view<double, 2>(Array({9, 5}));
  run.model.decoder.forward(run.space, run.comm, Statistics::batch, from, run.decoded, run.rest);
  run.model.decoder.backward(run.space, run.comm, run.decoded, run.rest, dpixels, dfeatures);
  auto const value = [&](Array const& z) { return dot(w, decode(z)); };
  EXPECT_LE(krate::testing::gradient_error(value, features, to_array(dfeatures), 1e-6), 1e-6);
}

// Images and what comes back are collected apart.
SCALAR_TEST(CscCtrlTest, TwoSetsOfStatistics) {
  LoopRun<double> run(small_loop(true));
  for (int i = 0; i < 200; ++i) run.play();
  auto const& list = run.model.encoder.lists().collected;
  auto const mean = [&](char const* set) {
    return to_array(list.value(list.index(std::string("encoder/01/norm/") + set + "/mean")));
  };
  EXPECT_GT(worst_error(mean("images"), mean("regenerated")), 0.1);
  Array const of_batch = to_array(run.images.features());
  auto work = run.rest;
  run.model.encoder.forward(run.space, run.comm, Statistics::collected, 0, run.x, run.images, work);
  EXPECT_LE(worst_error(to_array(run.images.features()), of_batch), 0.05);  // unbiased variance of 144 values
  run.space.fence("krate::test: done");
}

}  // namespace
