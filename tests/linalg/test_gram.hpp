// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/gram.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct GramTest : ::testing::Test {
  TestSpace space;
};
SCALAR_TESTS(GramTest, krate::testing::Scalars);

SCALAR_TEST(GramTest, MatchesPlainLoopsAndIsSymmetricToTheBit) {
  using T = TypeParam;
  std::size_t const sizes[][2] = {{1, 1}, {1, 6}, {7, 1}, {9, 5}, {4, 11}, {0, 3}, {5, 0}, {150, 67}};
  for (auto const& s : sizes)
    for (Layout const layout : all_layouts)
      for (auto const route : {krate::Route::automatic, krate::Route::portable})
        for (double const beta : {0.0, 1.0}) {
          Array const z = rounded<T>(filled(1, {s[0], s[1]}));
          Guarded<TestSpace, T, 2> g(s[1], s[1]);  // NaN
          Array start({s[1], s[1]});
          if (beta != 0) {
            start = rounded<T>(definite(2, s[1]));
            krate::testing::assign(g.view(), start);
          }
          krate::gram(this->space, T(0.5), laid_out<T>(z, layout), T(beta), g.view(), route);
          Array const found = g.array();
          ASSERT_LE(worst_error(found, combined(0.5, product(transpose_of(z), z), beta, start)), tolerance<T>(s[0]))
              << s[0] << " " << s[1] << " " << int(layout);
          ASSERT_TRUE(same_bits(found, transpose_of(found)));
          ASSERT_TRUE(g.intact());
        }
}

SCALAR_TEST(GramTest, TransposedGivesTheOtherSide) {
  Array const z = rounded<TypeParam>(filled(1, {5, 9}));
  Guarded<TestSpace, TypeParam, 2> g(5, 5);
  krate::gram(this->space, TypeParam(1), krate::transposed(krate::as_strided<TestSpace>(view<TypeParam, 2>(z))),
              TypeParam(0), g.view());
  EXPECT_LE(worst_error(g.array(), product(z, transpose_of(z))), tolerance<TypeParam>(9));
}

SCALAR_TEST(GramTest, WritesIntoARowBlock) {
  Array const z = rounded<TypeParam>(filled(1, {6, 3}));
  Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace> const whole("krate::test", 5, 8);
  auto const part = Kokkos::subview(whole, Kokkos::pair<int, int>(1, 4), Kokkos::pair<int, int>(2, 5));
  krate::gram(this->space, TypeParam(1), view<TypeParam, 2>(z), TypeParam(0), part);
  double inside = 0, all = 0;
  for (double const x : to_array(part).data) inside += std::abs(x);
  for (double const x : to_array(whole).data) all += std::abs(x);
  EXPECT_LE(worst_error(to_array(part), product(transpose_of(z), z)), tolerance<TypeParam>(6));
  EXPECT_NEAR(inside, all, 1e-5);
}

SCALAR_TEST(GramTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  auto const z = view<T, 2>(filled(1, {120, 40}));
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 2> first(40, 40), second(40, 40);
    EXPECT_EQ(route_of("krate::gram", [&] { krate::gram(this->space, T(1), z, T(0), first.view(), route); }),
              route == krate::Route::portable || !has_vendor ? "portable" : "vendor");
    krate::gram(this->space, T(1), z, T(0), second.view(), route);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
    expect_good_conduct(this->space, [&] { krate::gram(this->space, T(1), z, T(0), first.view(), route); });
  }
  EXPECT_EQ(route_of("krate::gram",
                     [&] {
                       Guarded<TestSpace, T, 2> g(4, 4);
                       krate::gram(this->space, T(1), laid_out<T>(filled(1, {3, 4}), Layout::strided), T(0), g.view());
                     }),
            "portable");
}

SCALAR_TEST(GramTest, RefusesWhatDoesNotFit) {
  Guarded<TestSpace, TypeParam, 2> g(3, 3);
  EXPECT_ERROR(krate::ShapeError, "krate::gram: G has shape [3, 3], expected [4, 4] (dim is z.extent(1))",
               krate::gram(this->space, TypeParam(1), view<TypeParam, 2>(filled(1, {3, 4})), TypeParam(0), g.view()));
  EXPECT_ERROR(krate::NotBuiltError, "krate::gram",
               krate::gram(this->space, TypeParam(1), laid_out<TypeParam>(filled(1, {4, 3}), Layout::strided),
                           TypeParam(0), g.view(), krate::Route::vendor));
}

}  // namespace
