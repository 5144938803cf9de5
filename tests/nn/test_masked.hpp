// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a masked autoencoder has beside a classifier: masks, tokens in the place of patches, fixed positions, a loss.
#pragma once

#include <numeric>

#include "krate/linalg/negate.hpp"
#include "krate/nn/masked_embedding.hpp"
#include "krate/nn/pixel_loss.hpp"
#include "krate/nn/sine_positions.hpp"
#include "krate/nn/token_mask.hpp"
#include "support/checks.hpp"

namespace {

using krate::PixelLossOptions;
using krate::testing::dot;
using krate::testing::gradient_error;

template <class T>
struct MaskedTest : ::testing::Test {};
SCALAR_TESTS(MaskedTest, krate::testing::Scalars);

Array mask_array(Array const& noise, std::size_t keep) {
  std::size_t const batch = noise.extent(0), patches = noise.extent(1);
  Array removed({batch, patches}, std::vector<double>(noise.size(), 1));
  for (std::size_t b = 0; b < batch; ++b) {
    std::vector<std::size_t> order(patches);
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return noise(b, i) < noise(b, j); });
    for (std::size_t k = 0; k < keep; ++k) removed(b, order[k]) = 0;
  }
  return removed;
}

SCALAR_TEST(MaskedTest, TheLeastNoiseStays) {
  using T = TypeParam;
  TestSpace const space;
  for (auto const& [batch, patches, keep] : {std::array<std::size_t, 3>{3, 9, 2}, {1, 1, 0}, {2, 30, 30}, {0, 4, 1}}) {
    Array noise = to_array(view<T, 2>(filled(7, {batch, patches})));
    if (noise.size() > 8) noise.data[5] = noise.data[7];  // of equal noise, the first
    Guarded<TestSpace, bool, 2> removed(batch, patches);
    krate::mask_of_noise(space, view<T, 2>(noise), keep, removed.view());
    EXPECT_EQ(removed.array().data, mask_array(noise, keep).data);
  }
  EXPECT_EQ(krate::kept_patches(196, 0.75), 49u);
  EXPECT_EQ(krate::kept_patches(10, 0.9), 0u);  // 0.9999999999999998 in double, as the authors have it
  auto const m = [](std::size_t a, std::size_t b) { return view<T, 2>(filled(1, {a, b})); };
  EXPECT_ERROR(krate::ValueError, "keep = 5, but it must not exceed",
               krate::mask_of_noise(space, m(2, 4), 5, Guarded<TestSpace, bool, 2>(2, 4).view()));
  EXPECT_ERROR(krate::ShapeError, "krate::mask_of_noise: removed has shape [3, 4], expected [2, 4]",
               krate::mask_of_noise(space, m(2, 4), 1, Guarded<TestSpace, bool, 2>(3, 4).view()));
}

SCALAR_TEST(MaskedTest, NoiseBelongsToTheSampleNotToTheBatch) {
  using T = TypeParam;
  TestSpace const space;
  krate::Random const random(krate::Seed{3}, 5, 7);
  auto const draw = [&](std::vector<double> const& numbers) {
    Guarded<TestSpace, T, 2> noise(numbers.size(), 6);
    krate::draw_noise(space, random, view<std::size_t, 1>(Array({numbers.size()}, numbers)), noise.view());
    EXPECT_TRUE(noise.intact());
    return noise.array();
  };
  Array const all = draw({4, 9, 11}), alone = draw({9});
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(alone(0, i), all(1, i));
    EXPECT_NE(all(0, i), all(1, i));
    EXPECT_TRUE(all(2, i) >= 0 && all(2, i) <= 1);
  }
}

SCALAR_TEST(MaskedTest, TokensStandForWhatIsRemoved) {
  using T = TypeParam;
  TestSpace const space;
  for (auto const& [batch, patches, dim, keep] :
       {std::array<std::size_t, 4>{3, 9, 8, 2}, {1, 1, 1, 0}, {2, 5, 33, 5}, {0, 4, 4, 1}}) {
    Array const x = filled(1, {batch * patches, dim}), cls = filled(2, {dim}), stand = filled(3, {dim}),
                positions = filled(4, {patches + 1, dim}), up = filled(5, {batch, patches + 1, dim}),
                gone = mask_array(filled(6, {batch, patches}), keep);
    Array tokens({batch, patches + 1, dim}), dx({batch * patches, dim}), dcls({dim}), dstand({dim});
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t t = 0; t <= patches; ++t)
        for (std::size_t j = 0; j < dim; ++j) {
          bool const masked = t > 0 && gone(b, t - 1) == 1;
          double const from = t == 0 ? cls(j) : masked ? stand(j) : x(b * patches + t - 1, j);
          tokens(b, t, j) = from + positions(t, j);
          if (t > 0 && !masked) dx(b * patches + t - 1, j) = up(b, t, j);
          if (t == 0) dcls(j) += up(b, t, j);
          if (masked) dstand(j) += up(b, t, j);
        }
    auto const removed = view<bool, 2>(gone);
    auto const vx = view<T, 2>(x), vp = view<T, 2>(positions);
    auto const vc = view<T, 1>(cls), vs = view<T, 1>(stand);
    auto const vu = view<T, 3>(up);
    Guarded<TestSpace, T, 3> out(batch, patches + 1, dim);
    Guarded<TestSpace, T, 2> found(batch * patches, dim);
    auto const found_cls = view<T, 1>(Array({dim})), found_stand = view<T, 1>(Array({dim}));
    krate::embed_masked_tokens(space, vx, removed, vc, vs, vp, out.view());
    Bench const bench(krate::embed_masked_tokens_backward_workspace<TestSpace, T>(batch * patches, dim));
    auto const backward = [&] {
      krate::embed_masked_tokens_backward(bench.space, vu, removed, bench.work(), found.view(), found_cls, found_stand);
    };
    backward();
    EXPECT_TRUE(out.intact() && found.intact());
    EXPECT_LE(worst_error(out.array(), tokens), tolerance<T>(1));
    EXPECT_LE(worst_error(found.array(), dx), tolerance<T>(1));
    EXPECT_LE(worst_error(to_array(found_cls), dcls), tolerance<T>(batch));
    EXPECT_LE(worst_error(to_array(found_stand), dstand), tolerance<T>(batch * patches));
    if (batch > 0) expect_good_conduct(bench.space, backward);
  }
}

SCALAR_TEST(MaskedTest, PositionsAreSines) {
  using T = TypeParam;
  TestSpace const space;
  std::size_t const rows = 3, columns = 5, dim = 12;
  Guarded<TestSpace, T, 2> table(1 + rows * columns, dim);
  krate::sine_positions(space, rows, columns, table.view());
  Array expected({1 + rows * columns, dim});
  for (std::size_t t = 1; t <= rows * columns; ++t)
    for (std::size_t j = 0; j < 3; ++j) {
      double const w = std::pow(10000.0, -static_cast<double>(j) / 3);
      double const x = static_cast<double>((t - 1) % columns) * w, y = static_cast<double>((t - 1) / columns) * w;
      expected(t, j) = std::sin(x);
      expected(t, 3 + j) = std::cos(x);
      expected(t, 6 + j) = std::sin(y);
      expected(t, 9 + j) = std::cos(y);
    }
  EXPECT_TRUE(table.intact());
  EXPECT_LE(worst_error(table.array(), expected), tolerance<T>(1));
  EXPECT_ERROR(krate::ValueError, "krate::sine_positions: dim = 6, but it must be a multiple of 4",
               krate::sine_positions(space, 1, 1, view<T, 2>(Array({2, 6}))));
  EXPECT_ERROR(krate::ShapeError, "table has shape [3, 4], expected [2, 4]",
               krate::sine_positions(space, 1, 1, view<T, 2>(Array({3, 4}))));
}

struct PixelCase {
  Array prediction, patches, removed;
  PixelLossOptions options;
  PixelCase(std::size_t batch, std::size_t count, std::size_t values, bool normalise)
      : prediction(filled(1, {batch, count + 1, values})),
        patches(filled(2, {batch * count, values}, 1, 0.3)),
        removed(mask_array(filled(3, {batch, count}), count / 3)),
        options{normalise, 0.25} {}

  struct Result {
    double loss;
    Array dprediction, dpatches;
    bool intact;
  };
  template <class T>
  Result run() const {
    std::size_t const batch = removed.extent(0), count = removed.extent(1), values = patches.extent(1);
    auto const p = view<T, 3>(prediction);
    auto const t = view<T, 2>(patches);
    auto const r = view<bool, 2>(removed);
    Guarded<TestSpace, double, 0> loss;
    Guarded<TestSpace, T, 3> dprediction(batch, count + 1, values);
    Guarded<TestSpace, T, 2> dpatches(batch * count, values);
    Bench const bench(krate::masked_pixel_loss_workspace(batch * count));
    krate::masked_pixel_loss(bench.space, p, t, r, options, bench.work(), loss.view());
    krate::masked_pixel_loss_backward(bench.space, p, t, r, options, dprediction.view(), dpatches.view());
    bench.space.fence("krate::test");
    return {loss.array().data[0], dprediction.array(), dpatches.array(),
            loss.intact() && dprediction.intact() && dpatches.intact()};
  }
  double oracle() const {
    std::size_t const values = patches.extent(1);
    double sum = 0;
    for (std::size_t b = 0; b < removed.extent(0); ++b)
      for (std::size_t i = 0; i < removed.extent(1); ++i) {
        if (removed(b, i) == 0) continue;
        std::size_t const r = b * removed.extent(1) + i;
        double mean = 0, variance = 0;
        for (std::size_t j = 0; j < values; ++j) mean += patches(r, j) / static_cast<double>(values);
        for (std::size_t j = 0; j < values; ++j)
          variance += std::pow(patches(r, j) - mean, 2) / static_cast<double>(values - 1);
        for (std::size_t j = 0; j < values; ++j) {
          double const target = options.normalise ? (patches(r, j) - mean) / std::sqrt(variance + 1e-6) : patches(r, j);
          sum += std::pow(prediction(b, i + 1, j) - target, 2);
        }
      }
    return options.scale * sum;
  }
};

SCALAR_TEST(MaskedTest, PixelLossIsThatOfPlainLoops) {
  for (PixelCase const& c : {PixelCase(3, 9, 12, false), PixelCase(3, 9, 12, true), PixelCase(1, 1, 2, true),
                             PixelCase(2, 4, 1, false), PixelCase(0, 4, 5, false), PixelCase(2, 7, 75, true)}) {
    auto const r = c.run<TypeParam>();
    EXPECT_TRUE(r.intact);
    EXPECT_NEAR(r.loss, c.oracle(), tolerance<TypeParam>(c.prediction.size()) * (1 + c.oracle()));
    auto const again = c.run<TypeParam>();
    EXPECT_EQ(again.loss, r.loss);
    EXPECT_TRUE(same_bits(again.dprediction, r.dprediction) && same_bits(again.dpatches, r.dpatches));
  }
}

SCALAR_TEST(MaskedTest, PixelLossHasTheseGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (bool const normalise : {false, true}) {
      PixelCase const c(3, 6, 8, normalise);
      auto const r = c.run<double>();
      auto const loss = [&](Array PixelCase::*member) {
        return [&c, member](Array const& value) {
          PixelCase moved = c;
          moved.*member = value;
          return moved.oracle();
        };
      };
      EXPECT_LE(gradient_error(loss(&PixelCase::prediction), c.prediction, r.dprediction), 1e-7);
      EXPECT_LE(gradient_error(loss(&PixelCase::patches), c.patches, r.dpatches), 1e-7);
    }
  }
}

SCALAR_TEST(MaskedTest, PixelLossSaysWhatIsWrongAndConduct) {
  using T = TypeParam;
  PixelCase const c(2, 3, 4, true);
  auto const p = view<T, 3>(c.prediction), q = view<T, 3>(Array({2, 3, 4}));
  auto const t = view<T, 2>(c.patches), single = view<T, 2>(Array({6, 1}));
  auto const r = view<bool, 2>(c.removed);
  Guarded<TestSpace, double, 0> loss;
  Bench const bench(krate::masked_pixel_loss_workspace(6));
  EXPECT_ERROR(krate::ShapeError, "krate::masked_pixel_loss: prediction has shape [2, 3, 4], expected [2, 4, 4]",
               krate::masked_pixel_loss(bench.space, q, t, r, c.options, bench.work(), loss.view()));
  EXPECT_ERROR(krate::ValueError, "patches.extent(1) = 1, but it must be at least 2 to be normalised",
               krate::masked_pixel_loss(bench.space, view<T, 3>(Array({2, 4, 1})), single, r, c.options, bench.work(),
                                        loss.view()));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::masked_pixel_loss(bench.space, p, t, r, c.options, {}, loss.view()));
  expect_good_conduct(bench.space, [&] {
    krate::masked_pixel_loss(bench.space, p, t, r, c.options, bench.work(), loss.view());
    krate::masked_pixel_loss_backward(bench.space, p, t, r, c.options, p, t);
  });
}

SCALAR_TEST(MaskedTest, NegatesInPlace) {
  TestSpace const space;
  auto const v = view<TypeParam, 2>(filled(1, {3, 4}));
  Array expected = to_array(v);
  for (auto& x : expected.data) x = -x;
  krate::negate(space, v, v);
  EXPECT_TRUE(same_bits(to_array(v), expected));
  EXPECT_ERROR(krate::ValueError, "krate::negate: size = 12, but it must equal the size of the target",
               krate::negate(space, v, view<TypeParam, 2>(Array({3, 5}))));
}

}  // namespace
