// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/redunet_runs.hpp"

namespace {

using krate::testing::largest_of_rows;
using krate::testing::redunet_maps;
using krate::testing::redunet_step;
using krate::testing::softmax_of;
using krate::testing::unit_rows;

template <class T>
struct RedunetLayerTest : ::testing::Test {
  static constexpr double close = std::is_same_v<T, float> ? 1e-5 : 1e-12;
};
SCALAR_TESTS(RedunetLayerTest, krate::testing::Scalars);

// From an independent program.
SCALAR_TEST(RedunetLayerTest, NumbersOfTheReferencePage) {
  using T = TypeParam;
  if constexpr (std::is_same_v<T, double>) {
    Array z({12, 4});
    for (int i = 0; i < 12; ++i)
      for (int j = 0; j < 4; ++j) z(i, j) = std::sin(0.7 * i + 0.65 * j * j + 0.9 * i * j + 0.2);
    z = unit_rows(z);
    auto const labels = labels_in_turn(12, 3);
    krate::ClassRateOptions const options{.eps_squared = 0.1, .classes = 3};
    auto const layer = build_layer<T>(z, labels, options);
    Array const expansion = to_array(layer.expansion), compression = to_array(layer.compression);
    EXPECT_NEAR(expansion(0, 0), 0.344529610676384, 1e-14);
    EXPECT_NEAR(compression(0, 1, 1), 2.55298826821212, 1e-13);
    EXPECT_NEAR(layer.rates(0), 4.749413234731254, 1e-13);
    EXPECT_NEAR(layer.rates(1), 3.9828952133163327, 1e-13);
    auto const moved = forward_layer<T>(z, layer, {});
    double const row[] = {0.22259175138047413, 0.7626361121800915, 0.5108672700007345, -0.32841087841026956};
    for (int j = 0; j < 4; ++j) EXPECT_NEAR(moved.z(0, j), row[j], 1e-14);
    EXPECT_EQ(largest_of_rows(moved.logits), (std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 2}));
    auto const after = build_layer<T>(moved.z, labels, options);
    EXPECT_NEAR(after.rates(0), 4.761808940015094, 1e-13);
    EXPECT_NEAR(after.rates(1), 3.635837722025602, 1e-13);
  }
}

SCALAR_TEST(RedunetLayerTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Case {
    std::size_t samples, dim, classes;
    double lambda_s;
  };
  // Odd sizes, more dims than samples, more tiles than one, more samples than a chunk.
  for (Case const c : {Case{17, 3, 2, 20}, {6, 9, 3, 5}, {90, 70, 2, 5}, {1030, 5, 4, 10}, {1, 4, 1, 500}}) {
    Array const z = rounded<T>(unit_rows(filled(3, {c.samples, c.dim})));
    auto const labels = labels_in_turn(c.samples, c.classes);
    auto const maps = redunet_maps(z, labels, c.classes, 0.2);
    auto const expected = redunet_step(z, maps, 0.4, c.lambda_s);
    for (Layout const layout : all_layouts)
      for (krate::Route const route : routes()) {
        SCOPED_TRACE(std::to_string(c.samples) + " " + std::to_string(int(layout)) + " " + std::to_string(int(route)));
        auto const layer =
            build_layer<T>(z, labels, {.eps_squared = 0.2, .classes = c.classes, .route = route}, layout);
        EXPECT_FALSE(layer.failed);
        EXPECT_LE(worst_error(to_array(layer.expansion), maps.expansion), this->close);
        EXPECT_LE(worst_error(to_array(layer.compression), maps.compression), this->close);
        EXPECT_LE(worst_error(to_array(layer.weights), maps.weights), this->close);
        EXPECT_NEAR(layer.rates(0), maps.rate, 1e-12 * maps.rate);
        EXPECT_NEAR(layer.rates(1), maps.class_rate, 1e-12 * maps.class_rate);
        auto const moved = forward_layer<T>(z, layer, {.eta = 0.4, .lambda_s = c.lambda_s});
        EXPECT_LE(worst_error(moved.z, expected.z), 4 * c.lambda_s * this->close);  // the softmax is that sharp
        EXPECT_LE(worst_error(softmax_of(moved.logits), expected.membership), 4 * c.lambda_s * this->close);
      }
  }
}

SCALAR_TEST(RedunetLayerTest, MapsAreSymmetricAndRowsStayOfUnitLength) {
  using T = TypeParam;
  Array const z = unit_rows(filled(1, {40, 6}));
  auto const layer = build_layer<T>(z, labels_in_turn(40, 3), {.eps_squared = 0.1, .classes = 3});
  Array const expansion = to_array(layer.expansion), compression = to_array(layer.compression);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_EQ(expansion(i, j), expansion(j, i));
      for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(compression(k, i, j), compression(k, j, i));
    }
  Array moved = forward_layer<T>(z, layer, {}).z;
  EXPECT_LE(worst_error(moved, unit_rows(moved)), tolerance<T>(6));
}

SCALAR_TEST(RedunetLayerTest, AClassWithoutSamplesIsLeftOut) {
  using T = TypeParam;
  Array const z = rounded<T>(unit_rows(filled(5, {9, 4})));
  std::vector<int> labels = labels_in_turn(9, 2);
  for (int& label : labels) label *= 2;  // class 1 is empty
  auto const layer = build_layer<T>(z, labels, {.eps_squared = 0.1, .classes = 3});
  Array const compression = to_array(layer.compression);
  for (std::size_t e = 0; e < 16; ++e) EXPECT_EQ(compression(16 + e), 0);
  EXPECT_EQ(to_array(layer.weights)(1), 0);
  auto const moved = forward_layer<T>(z, layer, {.lambda_s = 3});
  auto const expected = redunet_step(z, redunet_maps(z, labels, 3, 0.1), 0.5, 3);
  EXPECT_LE(worst_error(moved.z, expected.z), 10 * this->close);
  for (std::size_t r = 0; r < 9; ++r)
    EXPECT_EQ(moved.logits(r, 1), static_cast<double>(std::numeric_limits<T>::lowest()));
}

SCALAR_TEST(RedunetLayerTest, WithoutSamplesNothingMoves) {
  using T = TypeParam;
  auto const layer = build_layer<T>(Array({0, 3}), {}, {.eps_squared = 0.1, .classes = 2});
  EXPECT_FALSE(layer.failed);
  EXPECT_EQ(layer.rates.data, (std::vector<double>{0, 0}));
  EXPECT_EQ(to_array(layer.expansion).data, std::vector<double>(9, 0));
  Array const z = unit_rows(filled(1, {2, 3}));
  EXPECT_LE(worst_error(forward_layer<T>(z, layer, {}).z, z), tolerance<T>(3));
  EXPECT_EQ(forward_layer<T>(Array({0, 3}), layer, {}).z.size(), 0u);
}

SCALAR_TEST(RedunetLayerTest, WorksInPlaceRowByRowAndRepeats) {
  using T = TypeParam;
  Array const z = unit_rows(filled(2, {600, 5}));
  auto const labels = labels_in_turn(600, 3);
  krate::ClassRateOptions const options{.eps_squared = 0.1, .classes = 3};
  auto const layer = build_layer<T>(z, labels, options), again = build_layer<T>(z, labels, options);
  EXPECT_TRUE(same_bits(to_array(layer.expansion), to_array(again.expansion)));
  EXPECT_TRUE(same_bits(to_array(layer.compression), to_array(again.compression)));
  EXPECT_TRUE(same_bits(layer.rates, again.rates));
  auto const moved = forward_layer<T>(z, layer, {});
  EXPECT_TRUE(same_bits(forward_layer<T>(z, layer, {}).z, moved.z));

  Bench const bench(krate::redunet_layer_forward_workspace<TestSpace, T>(600, 5, 3));
  auto const in_place = view<T, 2>(z), logits = view<T, 2>(Array({600, 3}));
  krate::redunet_layer_forward(bench.space, in_place, layer.expansion, layer.compression, layer.weights, {},
                               bench.work(), in_place, logits);
  EXPECT_TRUE(same_bits(to_array(in_place), moved.z));
}

SCALAR_TEST(RedunetLayerTest, UnitLengthAlsoForRowsOfZeros) {
  using T = TypeParam;
  Array x = filled(4, {5, 3}, 10);
  for (std::size_t j = 0; j < 3; ++j) x(2, j) = 0;
  auto const z = view<T, 2>(x);
  krate::normalize_rows(TestSpace(), z, z);
  EXPECT_LE(worst_error(to_array(z), unit_rows(x)), tolerance<T>(3));
  EXPECT_EQ(to_array(z)(2, 1), 0);
}

SCALAR_TEST(RedunetLayerTest, NaNAndStrayLabelsAreReported) {
  using T = TypeParam;
  Array z = unit_rows(filled(1, {8, 3}));
  krate::ClassRateOptions const options{.eps_squared = 0.1, .classes = 2};
  auto labels = labels_in_turn(8, 2);
  labels[3] = 2;
  auto const stray = build_layer<T>(z, labels, options);
  EXPECT_TRUE(stray.failed);
  EXPECT_TRUE(std::isnan(stray.rates(0)) && std::isnan(to_array(stray.expansion)(0, 0)));
  z(4, 1) = std::numeric_limits<double>::quiet_NaN();
  auto const spoiled = build_layer<T>(z, labels_in_turn(8, 2), options);
  EXPECT_TRUE(spoiled.failed);
  EXPECT_TRUE(std::isnan(to_array(spoiled.weights)(0)) && std::isnan(spoiled.rates(1)));
}

SCALAR_TEST(RedunetLayerTest, GoodConduct) {
  using T = TypeParam;
  auto const z = view<T, 2>(unit_rows(filled(1, {30, 4})));
  auto const labels = label_view(labels_in_turn(30, 2));
  Bench const bench(std::max(krate::redunet_layer_build_workspace<TestSpace>(30, 4, 2),
                             krate::redunet_layer_forward_workspace<TestSpace, T>(30, 4, 2)));
  auto const expansion = view<T, 2>(Array({4, 4})), next = view<T, 2>(Array({30, 4})),
             logits = view<T, 2>(Array({30, 2}));
  auto const compression = view<T, 3>(Array({2, 4, 4}));
  auto const weights = view<T, 1>(Array({2}));
  auto const rates = view<double, 1>(Array({2}));
  Scalar0<krate::NumericalStatus> const status("krate::test::status");
  krate::comm::Communicator const alone;
  expect_good_conduct(bench.space, [&] {
    krate::redunet_layer_build(bench.space, alone, z, labels, {.eps_squared = 0.1, .classes = 2}, bench.work(),
                               expansion, compression, weights, rates, status);
  });
  expect_good_conduct(bench.space, [&] {
    krate::redunet_layer_forward(bench.space, z, expansion, compression, weights, {}, bench.work(), next, logits);
  });
  expect_good_conduct(bench.space, [&] { krate::normalize_rows(bench.space, z, next); });
}

SCALAR_TEST(RedunetLayerTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  Array const z = unit_rows(filled(1, {4, 3}));
  EXPECT_ERROR(krate::ValueError, "krate::redunet_layer_build: eps_squared = 0, but it must be positive",
               build_layer<T>(z, {0, 1, 0, 1}, {.eps_squared = 0, .classes = 2}));
  EXPECT_ERROR(krate::ValueError, "krate::redunet_layer_build: classes = 0, but it must be positive",
               build_layer<T>(z, {0, 1, 0, 1}, {.eps_squared = 1, .classes = 0}));
  EXPECT_ERROR(krate::ValueError, "krate::redunet_layer_build: z.extent(1) = 0, but it must be positive",
               build_layer<T>(Array({4, 0}), {0, 1, 0, 1}, {.eps_squared = 1, .classes = 2}));
  EXPECT_ERROR(krate::ShapeError, "krate::redunet_layer_build: labels has shape [3], expected [4]",
               build_layer<T>(z, {0, 1, 0}, {.eps_squared = 1, .classes = 2}));
  auto const layer = build_layer<T>(z, {0, 1, 0, 1}, {.eps_squared = 1, .classes = 2});
  EXPECT_ERROR(krate::ValueError, "krate::redunet_layer_forward: eta = 0, but it must be positive",
               forward_layer<T>(z, layer, {.eta = 0}));
  EXPECT_ERROR(krate::ValueError, "krate::redunet_layer_forward: lambda_s = -1, but it must be positive",
               forward_layer<T>(z, layer, {.lambda_s = -1}));
  EXPECT_ERROR(krate::ShapeError, "krate::redunet_layer_forward: expansion has shape [3, 3], expected [5, 5]",
               forward_layer<T>(Array({4, 5}), layer, {}));
  Bench const none;
  auto const v = view<T, 2>(z), logits = view<T, 2>(Array({4, 2}));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::redunet_layer_forward(none.space, v, layer.expansion, layer.compression, layer.weights, {},
                                            none.work(), v, logits));
  EXPECT_ERROR(krate::ShapeError, "krate::normalize_rows: z has shape [4, 2], expected [4, 3]",
               krate::normalize_rows(none.space, v, logits));
}

}  // namespace
