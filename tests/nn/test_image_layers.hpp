// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

// Activations, rows of unit length, and images with their channels last.

#include "krate/nn/activation.hpp"
#include "krate/nn/pixels.hpp"
#include "krate/nn/unit_rows.hpp"
#include "support/checks.hpp"

namespace {

using krate::Activation;
using krate::testing::dot;

template <class T>
struct ImageLayersTest : ::testing::Test {};
SCALAR_TESTS(ImageLayersTest, krate::testing::Scalars);

SCALAR_TEST(ImageLayersTest, ActivationsAndTheirGradients) {
  using T = TypeParam;
  TestSpace const space;
  auto const oracle = [](Activation kind, double x) {
    return kind == Activation::tanh ? std::tanh(x) : x > 0 ? x : kind == Activation::leaky ? 0.2 * x : 0;
  };
  for (auto const kind : {Activation::leaky, Activation::rectify, Activation::tanh})
    for (auto const& [rows, columns] : {std::pair<std::size_t, std::size_t>{3, 7}, {1, 1}, {40, 33}, {0, 4}}) {
      Array const x = to_array(view<T, 2>(filled(90, {rows, columns}, 2))), dy = filled(91, {rows, columns});
      Array y(x.shape);
      for (std::size_t i = 0; i < x.size(); ++i) y.data[i] = oracle(kind, x.data[i]);
      Guarded<TestSpace, T, 2> out(rows, columns), gradient(rows, columns);
      krate::activate(space, kind, view<T, 2>(x), out.view());
      krate::activate_backward(space, kind, out.view(), view<T, 2>(dy), gradient.view());
      EXPECT_LE(worst_error(out.array(), y), tolerance<T>(1));
      EXPECT_TRUE(out.intact() && gradient.intact());
      if (!std::is_same_v<T, double> || x.size() == 0) continue;
      auto const loss = [&](Array const& v) {
        double sum = 0;
        for (std::size_t i = 0; i < v.size(); ++i) sum += dy.data[i] * oracle(kind, v.data[i]);
        return sum;
      };
      EXPECT_LE(krate::testing::gradient_error(loss, x, gradient.array(), 1e-6), 1e-6);
    }
  auto const five = view<T, 1>(Array({5})), six = view<T, 1>(Array({6}));
  EXPECT_ERROR(krate::ValueError, "krate::activate: y.size() = 6",
               krate::activate(space, Activation::leaky, five, six));
  expect_good_conduct(space, [&] { krate::activate(space, Activation::tanh, five, five); });
  expect_good_conduct(space, [&] { krate::activate_backward(space, Activation::tanh, five, five, five); });
}

SCALAR_TEST(ImageLayersTest, RowsOfUnitLength) {
  using T = TypeParam;
  TestSpace const space;
  for (auto const& [rows, dim] : {std::pair<std::size_t, std::size_t>{5, 7}, {1, 1}, {33, 16}, {0, 4}}) {
    Array x = to_array(view<T, 2>(filled(1, {rows, dim}, 3)));
    Array const dy = to_array(view<T, 2>(filled(2, {rows, dim})));
    auto const oracle = [](Array v) {
      for (std::size_t i = 0; i < v.extent(0); ++i) {
        double square = 0;
        for (std::size_t j = 0; j < v.extent(1); ++j) square += v(i, j) * v(i, j);
        for (std::size_t j = 0; j < v.extent(1); ++j) v(i, j) /= std::max(std::sqrt(square), 1e-12);
      }
      return v;
    };
    Guarded<TestSpace, T, 2> y(rows, dim), dx(rows, dim);
    Guarded<TestSpace, T, 1> lengths(rows);
    krate::unit_rows(space, view<T, 2>(x), y.view(), lengths.view());
    krate::unit_rows_backward(space, y.view(), lengths.view(), view<T, 2>(dy), dx.view());
    EXPECT_LE(worst_error(y.array(), oracle(x)), tolerance<T>(dim));
    EXPECT_TRUE(y.intact() && dx.intact() && lengths.intact());
    if (!std::is_same_v<T, double> || rows == 0) continue;
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return dot(oracle(v), dy); }, x, dx.array()), 1e-7);
  }
  auto const m = view<T, 2>(filled(1, {4, 3}));
  auto const four = view<T, 1>(Array({4})), five = view<T, 1>(Array({5}));
  EXPECT_ERROR(krate::ShapeError, "krate::unit_rows: lengths", krate::unit_rows(space, m, m, five));
  expect_good_conduct(space, [&] { krate::unit_rows(space, m, m, four); });
  expect_good_conduct(space, [&] { krate::unit_rows_backward(space, m, four, m, m); });
}

SCALAR_TEST(ImageLayersTest, PixelsOfImagesAndBack) {
  using T = TypeParam;
  TestSpace const space;
  Array const images = to_array(view<T, 4>(filled(1, {2, 3, 4, 5})));
  Guarded<TestSpace, T, 2> pixels(40, 3);
  Guarded<TestSpace, T, 4> back(2, 3, 4, 5);
  krate::images_to_pixels(space, view<T, 4>(images), T(2), T(-1), pixels.view());
  krate::pixels_to_images(space, pixels.view(), T(0.5), T(0.5), back.view());
  Array const found = pixels.array();
  EXPECT_NEAR(found(1 * 20 + 3 * 5 + 2, 1), 2 * images.data[((1 * 3 + 1) * 4 + 3) * 5 + 2] - 1, 1e-6);
  EXPECT_LE(worst_error(back.array(), images), tolerance<T>(1));
  EXPECT_TRUE(pixels.intact() && back.intact());
  auto const four = view<T, 4>(images);
  auto const wrong = view<T, 2>(Array({40, 2}));
  EXPECT_ERROR(krate::ShapeError, "krate::images_to_pixels: pixels",
               krate::images_to_pixels(space, four, T(1), T(0), wrong));
  expect_good_conduct(space, [&] { krate::images_to_pixels(space, four, T(1), T(0), pixels.view()); });
}

}  // namespace
