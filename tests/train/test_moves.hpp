// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random changes of training images against plain loops; batches that are loaded before they are asked for.
#pragma once

#include <chrono>
#include <numeric>
#include <set>
#include <thread>

#include "krate/train/dataset_source.hpp"
#include "krate/train/impl/gather_decl.hpp"
#include "krate/train/trainer.hpp"
#include "support/op_test.hpp"
#include "train/toy.hpp"

namespace krate::testing {
namespace {

constexpr std::size_t count = 40, channels = 2, height = 6, width = 8;

template <class Scalar>
struct MovesTest : ::testing::Test {
  TestSpace space;
  Array const images = filled(1, {count, channels, height, width});

  /// Of samples with these numbers.
  Array moved(krate::impl::Moves const& moves, std::vector<std::size_t> const& numbers, std::uint32_t step = 3) {
    Array some({numbers.size(), channels, height, width}), at({numbers.size()}), background({channels}, {-5, -7});
    std::size_t const size = channels * height * width;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      std::copy_n(images.data.begin() + static_cast<std::ptrdiff_t>(numbers[i] * size), size,
                  some.data.begin() + static_cast<std::ptrdiff_t>(i * size));
      at(i) = static_cast<double>(numbers[i]);
    }
    Guarded<TestSpace, Scalar, 4> out(numbers.size(), channels, height, width);
    krate::impl::SampleKernels<TestSpace, Scalar>::move(
        space, to_view<TestSpace, Scalar, 4>(some), to_view<TestSpace, std::size_t, 1>(at),
        to_view<TestSpace, Scalar, 1>(background), Seed{4}, step, moves, out.view());
    EXPECT_TRUE(out.intact());
    return out.array();
  }
  Array moved(krate::impl::Moves const& moves) {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t(0));
    return moved(moves, all);
  }
  double pixel(Array const& a, std::size_t i, std::size_t c, std::size_t y, std::size_t x) const {
    return static_cast<double>(static_cast<Scalar>(a.data[((i * channels + c) * height + y) * width + x]));
  }
};
SCALAR_TESTS(MovesTest, Scalars);

SCALAR_TEST(MovesTest, FlipsExchangeLeftAndRightOfHalfTheImages) {
  Array const found = this->moved({.flip = true});
  std::size_t flipped = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bool same = true, mirrored = true;
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x) {
          same = same && this->pixel(found, i, c, y, x) == this->pixel(this->images, i, c, y, x);
          mirrored = mirrored && this->pixel(found, i, c, y, x) == this->pixel(this->images, i, c, y, width - 1 - x);
        }
    EXPECT_NE(same, mirrored) << i;
    flipped += mirrored;
  }
  EXPECT_GT(flipped, 10u);
  EXPECT_LT(flipped, 30u);
}

/// An image that is linear in row and column stays so, and tells which part was seen.
SCALAR_TEST(MovesTest, CropsShowAPartAtTheSizeOfTheWhole) {
  using T = TypeParam;
  std::size_t const n = 12, samples = 200;
  Array ramp({samples, 2, n, n}), numbers({samples});
  for (std::size_t i = 0; i < samples; ++i) {
    numbers(i) = static_cast<double>(i);
    for (std::size_t y = 0; y < n; ++y)
      for (std::size_t x = 0; x < n; ++x) {
        ramp.data[((i * 2 + 0) * n + y) * n + x] = static_cast<double>(y);
        ramp.data[((i * 2 + 1) * n + y) * n + x] = static_cast<double>(x);
      }
  }
  Guarded<TestSpace, T, 4> out(samples, 2, n, n);
  krate::impl::SampleKernels<TestSpace, T>::move(
      this->space, to_view<TestSpace, T, 4>(ramp), to_view<TestSpace, std::size_t, 1>(numbers),
      to_view<TestSpace, T, 1>(Array({2})), Seed{1}, 0, {.crop = true}, out.view());
  Array const found = out.array();
  std::set<std::pair<int, int>> sizes;
  for (std::size_t i = 0; i < samples; ++i) {
    double sides[2];
    for (std::size_t axis = 0; axis < 2; ++axis) {
      auto const at = [&](std::size_t k) {
        return found.data[((i * 2 + axis) * n + (axis == 0 ? k : 3)) * n + (axis == 0 ? 3 : k)];
      };
      double const slope = (at(n / 2) - at(n / 2 - 1)), first = at(n / 2) - slope * (n / 2 + 0.5) + 0.5;
      sides[axis] = slope * n;
      EXPECT_NEAR(sides[axis], std::round(sides[axis]), 1e-4) << "whole pixels";
      EXPECT_NEAR(first, std::round(first), 1e-4);
      EXPECT_GE(first, -1e-4);
      EXPECT_LE(first + sides[axis], n + 1e-4);
      for (std::size_t k = 0; k < n; ++k) {
        double const between = first + (static_cast<double>(k) + 0.5) * slope - 0.5;
        EXPECT_NEAR(at(k), std::clamp(between, first, first + sides[axis] - 1), 1e-4);
      }
    }
    EXPECT_GE(sides[0] * sides[1], 0.05 * n * n);  // 8 % but for rounding
    EXPECT_GT(sides[0] / sides[1], 0.55);
    EXPECT_LT(sides[0] / sides[1], 1.8);
    sizes.insert({static_cast<int>(std::round(sides[0])), static_cast<int>(std::round(sides[1]))});
  }
  EXPECT_GT(sizes.size(), 20u);
}

SCALAR_TEST(MovesTest, ASampleIsMovedAloneAsAmongOthers) {
  for (krate::impl::Moves const moves : {krate::impl::Moves{.shift = 2}, krate::impl::Moves{.crop = true},
                                         krate::impl::Moves{.crop = true, .flip = true, .shift = 1}}) {
    Array const all = this->moved(moves), two = this->moved(moves, {31, 7});
    for (std::size_t k = 0; k < channels * height * width; ++k) {
      EXPECT_EQ(two.data[k], all.data[31 * channels * height * width + k]);
      EXPECT_EQ(two.data[channels * height * width + k], all.data[7 * channels * height * width + k]);
    }
    EXPECT_EQ(this->moved(moves).data, all.data);
    EXPECT_NE(this->moved(moves, {31, 7}, 4).data, two.data) << "another step";
  }
}

SCALAR_TEST(MovesTest, ShiftsFillUpWithTheBackground) {
  Array const found = this->moved({.shift = 2});
  std::set<std::pair<int, int>> seen;
  for (std::size_t i = 0; i < count; ++i) {
    int fits = 0;
    for (int down = -2; down <= 2; ++down)
      for (int right = -2; right <= 2; ++right) {
        bool same = true;
        for (std::size_t c = 0; c < channels; ++c)
          for (std::size_t y = 0; y < height; ++y)
            for (std::size_t x = 0; x < width; ++x) {
              int const from_y = static_cast<int>(y) - down, from_x = static_cast<int>(x) - right;
              bool const inside =
                  from_y >= 0 && from_y < static_cast<int>(height) && from_x >= 0 && from_x < static_cast<int>(width);
              double const wanted = inside ? this->pixel(this->images, i, c, static_cast<std::size_t>(from_y),
                                                         static_cast<std::size_t>(from_x))
                                           : (c == 0 ? -5 : -7);
              same = same && this->pixel(found, i, c, y, x) == wanted;
            }
        fits += same;
        if (same) seen.insert({down, right});
      }
    EXPECT_EQ(fits, 1);
  }
  EXPECT_GT(seen.size(), 10u);
}

/// Bytes of `rows` images of one channel.
inline io::SampleTable byte_images(std::size_t rows) {
  io::DatasetDescription about;
  about.origin = "bytes";
  about.kind = io::SampleKind::images;
  about.samples = rows;
  about.sample_shape = {1, 8, 8};
  about.has_labels = true;
  about.classes = 4;
  std::vector<std::uint8_t> pixels(rows * 64);
  std::vector<Label> labels(rows);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
  for (std::size_t i = 0; i < rows; ++i) labels[i] = static_cast<Label>(i % 4);
  return {about, pixels, labels};
}

SCALAR_TEST(MovesTest, WhatIsLoadedBeforeIsWhatIsAskedFor) {
  using T = TypeParam;
  train::DatasetSource<TestSpace, T> plain(byte_images(30)), ahead(byte_images(30));
  auto const filled_by = [&](auto& source, std::vector<std::size_t> const& samples) {
    Guarded<TestSpace, T, 4> images(samples.size(), 1, 8, 8);
    Guarded<TestSpace, Label, 1> labels(samples.size());
    source.fill(this->space, train::Part::train, samples, images.view(), labels.view());
    this->space.fence("krate::test: filled");
    EXPECT_TRUE(images.intact() && labels.intact());
    auto all = images.array().data;
    auto const names = labels.array().data;
    all.insert(all.end(), names.begin(), names.end());
    return all;
  };
  std::vector<std::size_t> const first{3, 1, 4}, second{1, 5, 9, 2}, third{6};
  ahead.prefetch(train::Part::train, first);
  EXPECT_EQ(filled_by(ahead, first), filled_by(plain, first));
  ahead.prefetch(train::Part::train, second);
  EXPECT_EQ(filled_by(ahead, third), filled_by(plain, third)) << "something else is asked for";
  EXPECT_EQ(filled_by(ahead, second), filled_by(plain, second)) << "and then that";
  for (int i = 0; i < 100; ++i) ahead.prefetch(train::Part::train, i % 2 ? first : second);
  EXPECT_EQ(filled_by(ahead, first), filled_by(plain, first));
  ahead.prefetch(train::Part::train, second);
  ahead.select({29, 28, 27, 26, 25, 24, 23, 22, 21, 20});
  plain.select({29, 28, 27, 26, 25, 24, 23, 22, 21, 20});
  EXPECT_EQ(filled_by(ahead, second), filled_by(plain, second)) << "other rows";
}

/// A source that takes its time.
template <class Space, class T>
struct Slow final : train::BatchSource<Space, T> {
  train::BatchSource<Space, T>& source;
  double seconds;
  Slow(train::BatchSource<Space, T>& from, double waits) : source(from), seconds(waits) {}
  std::size_t channels() const override { return source.channels(); }
  std::size_t height() const override { return source.height(); }
  std::size_t width() const override { return source.width(); }
  std::size_t classes() const override { return source.classes(); }
  std::size_t size(train::Part part) const override { return source.size(part); }
  T background(std::size_t c) const override { return source.background(c); }
  void fill(Space const& space, train::Part part, std::span<std::size_t const> samples, Tensor4<T, Space> const& images,
            Vector<Label, Space> const& labels) override {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    source.fill(space, part, samples, images, labels);
  }
};

SCALAR_TEST(MovesTest, ARunThatWaitsForDataSaysSo) {
  using Model = models::Crate<TestSpace, TypeParam>;
  Toy<TestSpace, TypeParam> toy(50);
  auto const waited = [&](double seconds) {
    Slow<TestSpace, TypeParam> source(toy.source, seconds);
    Model const model(this->space, toy.config());
    train::Trainer trainer(this->space, {}, model, optim::AdamW{}, {.steps = 8, .batch = 16});
    auto const summary = trainer.run(source);
    EXPECT_LT(summary.seconds_waiting, summary.seconds);
    return summary.seconds_waiting;
  };
  EXPECT_GE(waited(0.02), 8 * 0.02);
  EXPECT_GT(waited(0), 0);
}

}  // namespace
}  // namespace krate::testing
