// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <array>

#include "krate/nn/batch_norm.hpp"
#include "support/checks.hpp"

namespace {

using krate::testing::dot;

constexpr double batch_eps = 1e-5;

template <class T>
struct BatchNormRun {
  TestSpace space;
  std::size_t channels;
  krate::Arena<TestSpace> arena;
  Guarded<TestSpace, T, 1> mean, deviation;
  Guarded<TestSpace, double, 1> sums;

  explicit BatchNormRun(std::size_t c)
      : channels(c),
        arena(space, krate::batch_sums_workspace(c)),
        mean(c),
        deviation(c),
        sums(krate::batch_sums_length(c)) {}

  Array forward(Array const& x, Array const& weight, Array const& bias) {
    Guarded<TestSpace, T, 2> y(x.extent(0), channels);
    auto const input = view<T, 2>(x);
    krate::batch_moments(space, input, arena.workspace(), sums.view());
    krate::batch_statistics(space, sums.view(), batch_eps, mean.view(), deviation.view());
    krate::normalize_columns(space, input, mean.view(), deviation.view(), view<T, 1>(weight), view<T, 1>(bias),
                             y.view());
    EXPECT_TRUE(y.intact() && mean.intact() && deviation.intact() && sums.intact());
    return y.array();
  }
  /// Gradients of x, weight and bias, 1 added to the last two.
  std::array<Array, 3> backward(Array const& x, Array const& weight, Array const& dy) {
    Guarded<TestSpace, T, 2> dx(x.extent(0), channels);
    auto const dweight = view<T, 1>(Array({channels})), dbias = view<T, 1>(Array({channels}));
    krate::testing::set_all(dweight, T(1));
    krate::testing::set_all(dbias, T(1));
    auto const input = view<T, 2>(x), upstream = view<T, 2>(dy);
    krate::batch_gradient_sums(space, input, mean.view(), deviation.view(), upstream, arena.workspace(), sums.view(),
                               dweight, dbias);
    krate::batch_norm_backward(space, input, mean.view(), deviation.view(), view<T, 1>(weight), upstream, sums.view(),
                               dx.view());
    EXPECT_TRUE(dx.intact() && sums.intact());
    return {dx.array(), to_array(dweight), to_array(dbias)};
  }
};

template <class T>
struct BatchNormTest : ::testing::Test {};
SCALAR_TESTS(BatchNormTest, krate::testing::Scalars);

SCALAR_TEST(BatchNormTest, MatchesPlainLoops) {
  using T = TypeParam;
  for (auto const& [rows, channels] : {std::pair<std::size_t, std::size_t>{9, 5}, {3, 1}, {500, 33}, {64, 3}}) {
    Array x = filled(1, {rows, channels}, 2);
    for (auto& v : x.data) v += 3;
    x = to_array(view<T, 2>(x));
    Array const weight = to_array(view<T, 1>(filled(2, {channels}))),
                bias = to_array(view<T, 1>(filled(3, {channels}))),
                dy = to_array(view<T, 2>(filled(4, {rows, channels})));
    Array y(x.shape), dx(x.shape), dweight({channels}), dbias({channels}), collected_mean({channels}),
        collected_variance({channels});
    double const n = static_cast<double>(rows);
    for (std::size_t j = 0; j < channels; ++j) {
      double mean = 0, variance = 0, level = 0, slope = 0;
      for (std::size_t i = 0; i < rows; ++i) mean += x(i, j) / n;
      for (std::size_t i = 0; i < rows; ++i) variance += (x(i, j) - mean) * (x(i, j) - mean) / n;
      double const deviation = 1 / std::sqrt(variance + batch_eps);
      for (std::size_t i = 0; i < rows; ++i) {
        double const normed = (x(i, j) - mean) * deviation;
        y(i, j) = weight(j) * normed + bias(j);
        level += dy(i, j);
        slope += dy(i, j) * normed;
      }
      for (std::size_t i = 0; i < rows; ++i)
        dx(i, j) = weight(j) * deviation * (dy(i, j) - level / n - (x(i, j) - mean) * deviation * slope / n);
      dweight(j) = 1 + slope;
      dbias(j) = 1 + level;
      collected_mean(j) = 0.9 * 2 + 0.1 * mean;
      collected_variance(j) = 0.9 * 2 + 0.1 * variance * n / (n - 1);
    }
    BatchNormRun<T> run(channels);
    EXPECT_LE(worst_error(run.forward(x, weight, bias), y), tolerance<T>(rows));
    EXPECT_EQ(run.sums.array()(2 * channels), n);
    auto const running_mean = view<T, 1>(Array({channels})), running_variance = view<T, 1>(Array({channels}));
    krate::testing::set_all(running_mean, T(2));
    krate::testing::set_all(running_variance, T(2));
    krate::collect_statistics(run.space, run.sums.view(), 0.1, running_mean, running_variance);
    EXPECT_LE(worst_error(to_array(running_mean), collected_mean), tolerance<T>(rows));
    EXPECT_LE(worst_error(to_array(running_variance), collected_variance), tolerance<T>(rows));
    auto const found = run.backward(x, weight, dy);
    EXPECT_LE(worst_error(found[0], dx), tolerance<T>(rows));
    EXPECT_LE(worst_error(found[1], dweight), tolerance<T>(rows));
    EXPECT_LE(worst_error(found[2], dbias), tolerance<T>(rows));
    krate::collected_statistics(run.space, running_mean, running_variance, batch_eps, run.mean.view(),
                                run.deviation.view());
    EXPECT_EQ(run.mean.array().data, to_array(running_mean).data);
    for (std::size_t j = 0; j < channels; ++j)
      EXPECT_NEAR(run.deviation.array()(j), 1 / std::sqrt(collected_variance(j) + batch_eps), tolerance<T>(rows));
  }
}

SCALAR_TEST(BatchNormTest, PartsOfABatchAddUp) {
  using T = TypeParam;
  Array const x = filled(1, {20, 4}), dy = filled(2, {20, 4});
  auto const rows_of = [](Array const& a, std::size_t first, std::size_t count) {
    return Array({count, 4}, std::vector<double>(a.data.begin() + static_cast<std::ptrdiff_t>(4 * first),
                                                 a.data.begin() + static_cast<std::ptrdiff_t>(4 * (first + count))));
  };
  auto const sums = [&](Array const& part) {
    BatchNormRun<T> run(4);
    run.forward(part, filled(3, {4}), filled(4, {4}));
    return run.sums.array();
  };
  Array const all = sums(x), one = sums(rows_of(x, 0, 7)), other = sums(rows_of(x, 7, 13));
  for (std::size_t k = 0; k < all.size(); ++k) EXPECT_NEAR(one(k) + other(k), all(k), 1e-12);
  Array const none = sums(Array({0, 4}));
  EXPECT_EQ(none.data, std::vector<double>(9, 0));
}

SCALAR_TEST(BatchNormTest, GradientErrorsRepeatsConduct) {
  using T = TypeParam;
  Array const x = filled(1, {7, 3}, 2), weight = filled(2, {3}), bias = filled(3, {3}), dy = filled(4, {7, 3});
  BatchNormRun<T> run(3);
  run.forward(x, weight, bias);
  auto gradients = run.backward(x, weight, dy);
  EXPECT_TRUE(same_bits(run.backward(x, weight, dy)[0], gradients[0]));
  if (std::is_same_v<T, double>) {
    for (auto* g : {&gradients[1], &gradients[2]})
      for (auto& v : g->data) v -= 1;
    BatchNormRun<double> other(3);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return dot(other.forward(v, weight, bias), dy); }, x,
                                             gradients[0]),
              1e-8);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return dot(other.forward(x, v, bias), dy); }, weight,
                                             gradients[1]),
              1e-9);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return dot(other.forward(x, weight, v), dy); }, bias,
                                             gradients[2]),
              1e-9);
  }
  TestSpace const space;
  auto const input = view<T, 2>(x), out = view<T, 2>(dy);
  auto const three = view<T, 1>(weight), four = view<T, 1>(Array({4}));
  auto const few = view<double, 1>(Array({6}));
  EXPECT_ERROR(krate::ShapeError, "krate::batch_moments: sums",
               krate::batch_moments(space, input, run.arena.workspace(), few));
  EXPECT_ERROR(krate::ShapeError, "krate::normalize_columns: bias",
               krate::normalize_columns(space, input, three, three, three, four, out));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::batch_moments(space, input, krate::Workspace<TestSpace>(), run.sums.view()));
  expect_good_conduct(space, [&] { krate::batch_moments(space, input, run.arena.workspace(), run.sums.view()); });
  expect_good_conduct(space, [&] { krate::normalize_columns(space, input, three, three, three, three, out); });
  expect_good_conduct(
      space, [&] { krate::batch_norm_backward(space, input, three, three, three, out, run.sums.view(), out); });
}

}  // namespace
