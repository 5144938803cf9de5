// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/layer_scale.hpp"
#include "support/checks.hpp"

namespace {

using krate::testing::dot;

template <class T>
Array scaled(Array const& x, Array const& branch, Array const& scale) {
  Guarded<TestSpace, T, 2> y(x.extent(0), x.extent(1));
  krate::layer_scale(TestSpace(), view<T, 2>(x), view<T, 2>(branch), view<T, 1>(scale), y.view());
  EXPECT_TRUE(y.intact());
  return y.array();
}

/// Gradients of the branch and of the scale, to which 1 is added before.
template <class T>
std::pair<Array, Array> scaled_back(Array const& branch, Array const& scale, Array const& dy) {
  std::size_t const dim = branch.extent(1);
  Guarded<TestSpace, T, 2> dbranch(branch.extent(0), dim);
  auto const dscale = view<T, 1>(Array({dim}));
  krate::testing::set_all(dscale, T(1));
  krate::Arena<TestSpace> const arena(TestSpace(), krate::layer_scale_backward_workspace<T>(dim));
  krate::layer_scale_backward(TestSpace(), view<T, 2>(branch), view<T, 1>(scale), view<T, 2>(dy), arena.workspace(),
                              dbranch.view(), dscale);
  EXPECT_TRUE(dbranch.intact());
  return {dbranch.array(), to_array(dscale)};
}

template <class T>
struct LayerScaleTest : ::testing::Test {};
SCALAR_TESTS(LayerScaleTest, krate::testing::Scalars);

SCALAR_TEST(LayerScaleTest, MatchesPlainLoops) {
  using T = TypeParam;
  for (auto const& [rows, dim] : {std::pair<std::size_t, std::size_t>{3, 7}, {1, 1}, {300, 33}, {0, 4}}) {
    Array const x = to_array(view<T, 2>(filled(1, {rows, dim}))), branch = to_array(view<T, 2>(filled(2, {rows, dim}))),
                scale = to_array(view<T, 1>(filled(3, {dim}))), dy = to_array(view<T, 2>(filled(4, {rows, dim})));
    Array y(x.shape), dbranch(x.shape), dscale({dim});
    for (std::size_t j = 0; j < dim; ++j) {
      dscale(j) = 1;
      for (std::size_t i = 0; i < rows; ++i) {
        y(i, j) = x(i, j) + scale(j) * branch(i, j);
        dbranch(i, j) = scale(j) * dy(i, j);
        dscale(j) += branch(i, j) * dy(i, j);
      }
    }
    EXPECT_LE(worst_error(scaled<T>(x, branch, scale), y), tolerance<T>(1));
    auto const found = scaled_back<T>(branch, scale, dy);
    EXPECT_LE(worst_error(found.first, dbranch), tolerance<T>(1));
    if (rows > 0) {
      EXPECT_LE(worst_error(found.second, dscale), tolerance<T>(rows));
    }
  }
}

SCALAR_TEST(LayerScaleTest, GradientErrorsRepeatsConduct) {
  using T = TypeParam;
  TestSpace const space;
  Array const x = filled(1, {5, 6}), branch = filled(2, {5, 6}), scale = filled(3, {6}), dy = filled(4, {5, 6});
  if (std::is_same_v<T, double>) {
    auto [dbranch, dscale] = scaled_back<double>(branch, scale, dy);
    for (auto& v : dscale.data) v -= 1;
    auto const of_branch = [&](Array const& v) { return dot(scaled<double>(x, v, scale), dy); };
    auto const of_scale = [&](Array const& v) { return dot(scaled<double>(x, branch, v), dy); };
    EXPECT_LE(krate::testing::gradient_error(of_branch, branch, dbranch), 1e-9);
    EXPECT_LE(krate::testing::gradient_error(of_scale, scale, dscale), 1e-9);
  }
  EXPECT_TRUE(same_bits(scaled_back<T>(branch, scale, dy).second, scaled_back<T>(branch, scale, dy).second));
  auto const matrix = view<T, 2>(x), out = view<T, 2>(dy);
  auto const six = view<T, 1>(scale), five = view<T, 1>(Array({5}));
  EXPECT_ERROR(krate::ShapeError, "krate::layer_scale: scale", krate::layer_scale(space, matrix, matrix, five, out));
  krate::Arena<TestSpace> const arena(space, krate::layer_scale_backward_workspace<T>(6));
  EXPECT_ERROR(krate::ShapeError, "krate::layer_scale_backward: dscale",
               krate::layer_scale_backward(space, matrix, six, matrix, arena.workspace(), out, five));
  expect_good_conduct(space, [&] { krate::layer_scale(space, matrix, matrix, six, out); });
  auto const dscale = view<T, 1>(scale);
  expect_good_conduct(space,
                      [&] { krate::layer_scale_backward(space, matrix, six, matrix, arena.workspace(), out, dscale); });
}

}  // namespace
