// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/triangular_solve.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct TriangularSolveTest : ::testing::Test {
  TestSpace space;

  /// A well-conditioned factor with NaN above its diagonal.
  static Array factor(std::size_t n) {
    Array l = cholesky_factor(definite(3, n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) l(i, j) = std::numeric_limits<double>::quiet_NaN();
    return rounded<T>(l);
  }
  static Array times(bool transpose, Array l, Array const& x) {
    for (std::size_t i = 0; i < l.extent(0); ++i)
      for (std::size_t j = i + 1; j < l.extent(1); ++j) l(i, j) = 0;
    return product(transpose ? transpose_of(l) : l, x);
  }
};
SCALAR_TESTS(TriangularSolveTest, krate::testing::Scalars);

SCALAR_TEST(TriangularSolveTest, UndoesTheProductForEveryLayout) {
  using T = TypeParam;
  std::size_t const sizes[][2] = {{1, 1}, {1, 5}, {6, 1}, {7, 9}, {40, 33}};
  for (auto const& s : sizes)
    for (bool const transpose : {false, true})
      for (Layout const ll : all_layouts)
        for (Layout const lb : all_layouts)
          for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
            Array const l = this->factor(s[0]), x = filled(4, {s[0], s[1]});
            auto const b = laid_out<T>(this->times(transpose, l, x), lb);
            krate::triangular_solve(this->space, transpose ? "T" : "N", laid_out<T>(l, ll), b, route);
            ASSERT_LE(worst_error(to_array(b), x), 4 * tolerance<T>(s[0])) << s[0] << " " << int(ll) << int(lb);
          }
}

SCALAR_TEST(TriangularSolveTest, Edges) {
  using T = TypeParam;
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 2> none(0, 3), narrow(3, 0);
    krate::triangular_solve(this->space, "N", view<T, 2>(Array({0, 0})), none.view(), route);
    krate::triangular_solve(this->space, "T", view<T, 2>(this->factor(3)), narrow.view(), route);
    Guarded<TestSpace, T, 2> b(4, 3);
    krate::testing::assign(b.view(), filled(1, {4, 3}));
    krate::triangular_solve(this->space, "T", view<T, 2>(this->factor(4)), b.view(), route);
    EXPECT_TRUE(none.intact() && narrow.intact() && b.intact());
  }
}

SCALAR_TEST(TriangularSolveTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  auto const l = view<T, 2>(this->factor(50));
  for (auto const route : routes()) {
    auto const first = view<T, 2>(filled(1, {50, 20})), second = view<T, 2>(filled(1, {50, 20}));
    EXPECT_EQ(route_of("krate::triangular_solve", [&] { krate::triangular_solve(this->space, "N", l, first, route); }),
              route == krate::Route::portable || !has_vendor ? "portable" : "vendor");
    krate::triangular_solve(this->space, "N", l, second, route);
    EXPECT_TRUE(same_bits(to_array(first), to_array(second)));
  }
  auto const b = view<T, 2>(filled(1, {50, 20}));
  expect_good_conduct(this->space, [&] { krate::triangular_solve(this->space, "N", l, b, krate::Route::portable); });
}

SCALAR_TEST(TriangularSolveTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const l = view<T, 2>(this->factor(4));
  EXPECT_ERROR(krate::ShapeError, "krate::triangular_solve: l has shape [4, 4], expected [3, 3] (n is b.extent(0))",
               krate::triangular_solve(this->space, "N", l, view<T, 2>(Array({3, 2}))));
  EXPECT_ERROR(krate::ValueError, "krate::triangular_solve: transposition = U",
               krate::triangular_solve(this->space, "U", l, view<T, 2>(Array({4, 2}))));
  EXPECT_ERROR(
      krate::NotBuiltError, "krate::triangular_solve",
      krate::triangular_solve(this->space, "N", l, laid_out<T>(Array({4, 2}), Layout::strided), krate::Route::vendor));
}

}  // namespace
