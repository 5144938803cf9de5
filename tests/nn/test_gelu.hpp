// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/gelu.hpp"
#include "support/checks.hpp"

namespace {

using krate::testing::dot;

template <class T>
Array activated(Array const& x) {
  Guarded<TestSpace, T, 2> y(x.extent(0), x.extent(1));
  krate::gelu(TestSpace(), view<T, 2>(x), y.view());
  EXPECT_TRUE(y.intact());
  return y.array();
}
template <class T>
Array activated_back(Array const& x, Array const& dy) {
  Guarded<TestSpace, T, 2> dx(x.extent(0), x.extent(1));
  krate::gelu_backward(TestSpace(), view<T, 2>(x), view<T, 2>(dy), dx.view());
  EXPECT_TRUE(dx.intact());
  return dx.array();
}

template <class T>
struct GeluTest : ::testing::Test {};
SCALAR_TESTS(GeluTest, krate::testing::Scalars);

SCALAR_TEST(GeluTest, MatchesHostOracleAndKnownValues) {
  using T = TypeParam;
  for (auto const& [rows, columns] : {std::pair<std::size_t, std::size_t>{3, 7}, {1, 1}, {40, 33}, {0, 4}}) {
    Array const x = to_array(view<T, 2>(filled(90, {rows, columns}, 4))), dy = filled(91, {rows, columns});
    Array y(x.shape), dx(x.shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      double const v = x.data[i], below = std::erfc(-v / std::sqrt(2.0)) / 2;
      y.data[i] = v * below;
      dx.data[i] = dy.data[i] * (below + v * std::exp(-v * v / 2) / std::sqrt(2 * 3.14159265358979323846));
    }
    EXPECT_LE(worst_error(activated<T>(x), y), tolerance<T>(1));
    EXPECT_LE(worst_error(activated_back<T>(x, dy), dx), tolerance<T>(1));
  }
  Array const known = activated<T>(Array({1, 4}, {0, 1, -1, 30}));
  EXPECT_EQ(known(0, 0), 0);
  EXPECT_NEAR(known(0, 1), 0.84134474606854293, tolerance<T>(1));
  EXPECT_NEAR(known(0, 2), -0.15865525393145707, tolerance<T>(1));
  EXPECT_EQ(known(0, 3), 30);
}

SCALAR_TEST(GeluTest, TheEndsOfTheRange) {
  using T = TypeParam;
  double const far = std::numeric_limits<double>::infinity(), nan = std::nan("");
  Array const x({1, 7}, {far, nan, -1e30, 1e30, -45, 45, 0}), one({1, 7}, std::vector<double>(7, 1));
  Array const y = activated<T>(x), slope = activated_back<T>(x, one);
  EXPECT_EQ(y(0, 0), far);
  EXPECT_TRUE(std::isnan(y(0, 1)) && std::isnan(slope(0, 1)));
  for (std::size_t const i : {2u, 4u}) EXPECT_LE(std::abs(y(0, i)) + std::abs(slope(0, i)), 1e-30);
  for (std::size_t const i : {3u, 5u}) {
    EXPECT_EQ(y(0, i), static_cast<double>(static_cast<T>(x(0, i))));
    EXPECT_EQ(slope(0, i), 1);
  }
  EXPECT_EQ(y(0, 6), 0);
  EXPECT_NEAR(slope(0, 6), 0.5, tolerance<T>(1));
}

SCALAR_TEST(GeluTest, GradientErrorsRepeatsConduct) {
  using T = TypeParam;
  TestSpace const space;
  Array const x = filled(92, {5, 6}, 3), dy = filled(93, {5, 6});
  if (std::is_same_v<T, double>) {
    auto const loss = [&](Array const& v) { return dot(activated<double>(v), dy); };
    EXPECT_LE(krate::testing::gradient_error(loss, x, activated_back<double>(x, dy)), 1e-9);
  }
  EXPECT_TRUE(same_bits(activated_back<T>(x, dy), activated_back<T>(x, dy)));
  auto const five = view<T, 1>(Array({5})), six = view<T, 1>(Array({6}));
  EXPECT_ERROR(krate::ValueError, "krate::gelu: y.size() = 6, but it must be the size of x",
               krate::gelu(space, five, six));
  EXPECT_ERROR(krate::ValueError, "krate::gelu_backward: dx.size() = 6, but it must be the size of x",
               krate::gelu_backward(space, five, five, six));
  expect_good_conduct(space, [&] { krate::gelu(space, five, five); });
  expect_good_conduct(space, [&] { krate::gelu_backward(space, five, five, five); });
}

}  // namespace
