// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/triangular_inverse.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct TriangularInverseTest : ::testing::Test {
  TestSpace space;

  /// A well-conditioned factor with NaN above its diagonal, or zero.
  static Array factor(std::size_t n, double above = std::numeric_limits<double>::quiet_NaN()) {
    Array l = cholesky_factor(definite(3, n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) l(i, j) = above;
    return rounded<T>(l);
  }
};
SCALAR_TESTS(TriangularInverseTest, krate::testing::Scalars);

SCALAR_TEST(TriangularInverseTest, TimesTheFactorIsTheIdentity) {
  using T = TypeParam;
  for (std::size_t const n : {0, 1, 2, 7, 40})
    for (auto const route : routes()) {
      Guarded<TestSpace, T, 2> inverse(n, n);  // NaN
      krate::triangular_inverse(this->space, view<T, 2>(this->factor(n)), inverse.view(), route);
      this->space.fence("krate::test: inverse");
      Array one({n, n});
      for (std::size_t i = 0; i < n; ++i) one(i, i) = 1;
      EXPECT_LE(worst_error(product(inverse.array(), this->factor(n, 0)), one), 4 * tolerance<T>(n)) << n;
      EXPECT_TRUE(inverse.intact());
    }
}

SCALAR_TEST(TriangularInverseTest, ProductMatchesPlainLoopsForEveryLayout) {
  using T = TypeParam;
  std::size_t const sizes[][2] = {{0, 3}, {3, 0}, {1, 1}, {1, 5}, {6, 1}, {7, 9}, {40, 33}};
  for (auto const& s : sizes)
    for (bool const transpose : {false, true})
      for (Layout const ll : all_layouts)
        for (Layout const lb : all_layouts)
          for (auto const route : {krate::Route::automatic, krate::Route::portable}) {
            Array const l = this->factor(s[0], 0), x = rounded<T>(filled(4, {s[0], s[1]}));
            auto const b = laid_out<T>(x, lb);
            krate::triangular_multiply(this->space, transpose ? "T" : "N", laid_out<T>(this->factor(s[0]), ll), b,
                                       route);
            ASSERT_LE(worst_error(to_array(b), product(transpose ? transpose_of(l) : l, x)), tolerance<T>(s[0]))
                << s[0] << " " << int(ll) << int(lb);
          }
}

SCALAR_TEST(TriangularInverseTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  auto const l = view<T, 2>(this->factor(50, 0));
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 2> first(50, 50), second(50, 50);
    auto const run = [&](auto const& x) {
      krate::triangular_inverse(this->space, l, x.view(), route);
      krate::triangular_multiply(this->space, "T", l, x.view(), route);
    };
    std::string const expected = route == krate::Route::portable || !has_vendor ? "portable" : "vendor";
    EXPECT_EQ(route_of("krate::triangular_inverse", [&] { run(first); }), expected);
    EXPECT_EQ(route_of("krate::triangular_multiply", [&] { run(second); }), expected);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
    expect_good_conduct(this->space, [&] { run(first); });
  }
}

SCALAR_TEST(TriangularInverseTest, RefusesWhatDoesNotFit) {
  Guarded<TestSpace, TypeParam, 2> x(3, 3);
  auto const l = view<TypeParam, 2>(this->factor(4));
  EXPECT_ERROR(krate::ShapeError, "krate::triangular_inverse: l has shape [4, 4], expected [3, 3]",
               krate::triangular_inverse(this->space, l, x.view()));
  EXPECT_ERROR(krate::ShapeError, "krate::triangular_multiply: l has shape [4, 4], expected [3, 3]",
               krate::triangular_multiply(this->space, "N", l, x.view()));
  EXPECT_ERROR(krate::ValueError, "krate::triangular_multiply",
               krate::triangular_multiply(this->space, "C", view<TypeParam, 2>(this->factor(3)), x.view()));
}

}  // namespace
