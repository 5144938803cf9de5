// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/gemm_epilogue.hpp"
#include "linalg/operands.hpp"

namespace {

enum class Addend { none, result, matrix, rows_apart };
constexpr Addend all_addends[] = {Addend::none, Addend::result, Addend::matrix, Addend::rows_apart};

template <class T>
struct EpilogueTest : ::testing::Test {
  TestSpace space;

  /// Worst error against plain loops; everything outside C must stay as it was.
  double error(std::size_t m, std::size_t k, std::size_t n, bool ta, bool tb, bool bias, Addend addend, double shift,
               bool rectify, krate::Route route) const {
    Array const a = rounded<T>(filled(1, {ta ? k : m, ta ? m : k})),
                b = rounded<T>(filled(2, {tb ? n : k, tb ? k : n})), row = rounded<T>(filled(3, {n})),
                more = rounded<T>(filled(4, {m, n}));
    Array expected = product(ta ? transpose_of(a) : a, tb ? transpose_of(b) : b);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double& x = expected(i, j);
        x += (bias ? row(j) : 0) + static_cast<double>(T(shift)) + (addend != Addend::none ? more(i, j) : 0);
        if (rectify) x = std::max(x, 0.0);
      }
    auto const va = view<T, 2>(a), vb = view<T, 2>(b), vm = view<T, 2>(more);
    auto const vr = view<T, 1>(row);
    Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> const wide("krate::test", m, n + 3);
    auto const part = Kokkos::subview(wide, Kokkos::ALL, std::pair<std::size_t, std::size_t>(2, n + 2));
    krate::testing::assign(part, more);
    Guarded<TestSpace, T, 2> c(m, n);
    krate::Epilogue<TestSpace, T> epilogue;
    epilogue.shift = T(shift);
    epilogue.rectify = rectify;
    if (bias) epilogue.bias = vr;
    if (addend == Addend::result) {
      krate::testing::assign(c.view(), more);
      epilogue.addend = c.view();
    } else if (addend == Addend::matrix) {
      epilogue.addend = vm;
    } else if (addend == Addend::rows_apart) {
      epilogue.addend = krate::as_matrix<TestSpace>(part);
    }
    krate::gemm(space, ta ? "T" : "N", tb ? "T" : "N", va, vb, epilogue, c.view(), route);
    space.fence("krate::test: epilogue");
    EXPECT_TRUE(c.intact());
    return worst_error(c.array(), expected);
  }
};
SCALAR_TESTS(EpilogueTest, krate::testing::Scalars);

SCALAR_TEST(EpilogueTest, MatchesPlainLoops) {
  std::size_t const sizes[][3] = {{1, 1, 1}, {5, 9, 1}, {1, 3, 7}, {7, 1, 6},
                                  {6, 0, 4}, {0, 3, 4}, {3, 2, 0}, {33, 17, 9}};
  for (auto const& s : sizes)
    for (auto const route : {krate::Route::automatic, krate::Route::portable})
      for (bool const bias : {false, true})
        for (Addend const addend : all_addends)
          for (bool const rectify : {false, true})
            ASSERT_LE(this->error(s[0], s[1], s[2], false, true, bias, addend, bias ? 0.25 : 0, rectify, route),
                      tolerance<TypeParam>(s[1] + 3))
                << s[0] << " " << s[1] << " " << s[2] << " " << bias << int(addend) << rectify;
}

SCALAR_TEST(EpilogueTest, LargeProductsMatchPlainLoops) {
  int turn = 0;
  for (bool const bias : {false, true})
    for (Addend const addend : all_addends)
      for (bool const rectify : {false, true}) {
        double const shift = ++turn % 3 ? -0.125 : 0;
        ASSERT_LE(
            this->error(211, 337, 131, turn % 2, turn / 2 % 2, bias, addend, shift, rectify, krate::Route::automatic),
            tolerance<TypeParam>(337))
            << bias << int(addend) << rectify << shift;
      }
  // Inner extents that the library takes in several goes.
  ASSERT_LE(this->error(40, 5000, 64, false, false, true, Addend::matrix, 0.5, true, krate::Route::automatic),
            tolerance<TypeParam>(5000));
  ASSERT_LE(this->error(40, 5000, 64, true, true, true, Addend::result, 0.5, true, krate::Route::automatic),
            tolerance<TypeParam>(5000));
}

SCALAR_TEST(EpilogueTest, ShowsItsRoute) {
  using T = TypeParam;
  auto const run = [&](std::size_t m, krate::Route route) {
    auto const a = view<T, 2>(filled(1, {m, 400})), b = view<T, 2>(filled(2, {400, 130}));
    auto const row = view<T, 1>(filled(3, {130}));
    Guarded<TestSpace, T, 2> c(m, 130);
    return route_of("krate::gemm",
                    [&] { krate::gemm(this->space, "N", "N", a, b, {.bias = row, .rectify = true}, c.view(), route); });
  };
  EXPECT_EQ(run(300, krate::Route::automatic), large_route<T>());
  EXPECT_EQ(run(3, krate::Route::automatic), has_vendor ? "vendor" : "portable");
  EXPECT_EQ(run(300, krate::Route::portable), "portable");
  if (has_vendor) {
    EXPECT_EQ(run(300, krate::Route::vendor), "vendor");
  }
}

SCALAR_TEST(EpilogueTest, NaNStaysNaNAndInfinityIsCut) {
  using T = TypeParam;
  for (std::size_t const m : {std::size_t(6), std::size_t(300)}) {
    Array a({m, 400}), b({400, 130});
    for (double& x : b.data) x = 1;
    a(1, 0) = std::numeric_limits<double>::quiet_NaN();
    a(2, 0) = std::numeric_limits<double>::infinity();
    a(3, 0) = -std::numeric_limits<double>::infinity();
    a(4, 0) = -1;
    Guarded<TestSpace, T, 2> c(m, 130);
    krate::gemm(this->space, "N", "N", view<T, 2>(a), view<T, 2>(b), {.shift = T(0.5), .rectify = true}, c.view());
    Array const found = c.array();
    for (std::size_t j = 0; j < 130; ++j) {
      ASSERT_EQ(found(0, j), 0.5);
      ASSERT_TRUE(std::isnan(found(1, j))) << m;
      ASSERT_EQ(found(2, j), std::numeric_limits<double>::infinity());
      ASSERT_EQ(found(3, j), 0);
      ASSERT_EQ(found(4, j), 0);
    }
  }
}

SCALAR_TEST(EpilogueTest, RepeatsToTheBitAndBehavesWell) {
  using T = TypeParam;
  for (std::size_t const m : {std::size_t(7), std::size_t(300)}) {
    auto const a = view<T, 2>(filled(1, {m, 400})), b = view<T, 2>(filled(2, {130, 400})),
               more = view<T, 2>(filled(3, {m, 130}));
    auto const row = view<T, 1>(filled(4, {130}));
    Guarded<TestSpace, T, 2> first(m, 130), second(m, 130);
    krate::Epilogue<TestSpace, T> const epilogue{row, more, T(0.1), true};
    krate::gemm(this->space, "N", "T", a, b, epilogue, first.view());
    auto const again = [&] { krate::gemm(this->space, "N", "T", a, b, epilogue, second.view()); };
    if (m == 7) {
      expect_good_conduct(this->space, again);
    } else {
      again();
    }
    EXPECT_TRUE(same_bits(first.array(), second.array()));
  }
}

SCALAR_TEST(EpilogueTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {4, 3})), b = view<T, 2>(filled(2, {3, 6})), c = view<T, 2>(filled(3, {4, 6}));
  auto const short_row = view<T, 1>(filled(4, {5}));
  auto const run = [&](krate::Epilogue<TestSpace, T> const& epilogue, char const* op = "N") {
    krate::gemm(this->space, op, "N", a, b, epilogue, c);
  };
  EXPECT_ERROR(krate::ShapeError, "krate::gemm: bias has shape [5], expected [6]", run({.bias = short_row}));
  EXPECT_ERROR(krate::ShapeError, "krate::gemm: addend has shape [3, 6], expected [4, 6]", run({.addend = b}));
  EXPECT_ERROR(krate::ShapeError, "krate::gemm: op(B) has shape [3, 6], expected [4, 6]", run({}, "T"));
  EXPECT_ERROR(krate::ValueError, "krate::gemm: transposition = X, but it must be \"N\" or \"T\"", run({}, "X"));
}

}  // namespace
