// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/rectify.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
struct RectifyTest : ::testing::Test {};
SCALAR_TESTS(RectifyTest, krate::testing::Scalars);

SCALAR_TEST(RectifyTest, OutputsAndGradientsAreThoseOfThePositive) {
  using T = TypeParam;
  TestSpace const space;
  for (auto const& [rows, columns] : {std::pair<std::size_t, std::size_t>{3, 7}, {1, 1}, {40, 33}, {0, 4}}) {
    Array x = to_array(view<T, 2>(filled(90, {rows, columns}, 4)));
    Array const dy = to_array(view<T, 2>(filled(91, {rows, columns})));
    if (x.size() > 1) x.data[1] = 0;  // the kink
    Array y(x.shape), dx(x.shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      y.data[i] = std::max(0.0, x.data[i]);
      dx.data[i] = x.data[i] > 0 ? dy.data[i] : 0;
    }
    Guarded<TestSpace, T, 2> out(rows, columns), gradient(rows, columns);
    krate::rectify(space, view<T, 2>(x), out.view());
    krate::rectify_backward(space, out.view(), view<T, 2>(dy), gradient.view());
    EXPECT_TRUE(out.intact() && gradient.intact());
    EXPECT_TRUE(same_bits(out.array(), y) && same_bits(gradient.array(), dx));
  }
}

SCALAR_TEST(RectifyTest, ErrorsAndConduct) {
  TestSpace const space;
  auto const five = view<TypeParam, 1>(Array({5})), six = view<TypeParam, 1>(Array({6}));
  EXPECT_ERROR(krate::ValueError, "krate::rectify: y.size() = 6, but it must be the size of x",
               krate::rectify(space, five, six));
  EXPECT_ERROR(krate::ValueError, "krate::rectify_backward: dx.size() = 6, but it must be the size of y",
               krate::rectify_backward(space, five, five, six));
  expect_good_conduct(space, [&] { krate::rectify(space, five, five); });
  expect_good_conduct(space, [&] { krate::rectify_backward(space, five, five, five); });
}

}  // namespace
