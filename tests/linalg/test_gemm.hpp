// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/gemm.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct GemmTest : ::testing::Test {
  TestSpace space;

  /// Worst error of one product against plain loops; everything outside C must stay as it was.
  double error(std::size_t m, std::size_t k, std::size_t n, bool ta, bool tb, Layout la, Layout lb, Layout lc,
               double alpha, double beta, krate::Route route) const {
    Array const a = rounded<T>(filled(1, {ta ? k : m, ta ? m : k})),
                b = rounded<T>(filled(2, {tb ? n : k, tb ? k : n}));
    Array const c = rounded<T>(filled(3, {m, n}));
    auto const vc = laid_out<T>(c, lc);
    krate::gemm(space, ta ? "T" : "N", tb ? "T" : "N", T(alpha), laid_out<T>(a, la), laid_out<T>(b, lb), T(beta), vc,
                route);
    return worst_error(to_array(vc),
                       combined(alpha, product(ta ? transpose_of(a) : a, tb ? transpose_of(b) : b), beta, c));
  }
};
SCALAR_TESTS(GemmTest, krate::testing::Scalars);

SCALAR_TEST(GemmTest, HandCheckedCase) {
  Array const a({2, 2}, {1, 2, 3, 4}), b({2, 2}, {5, 6, 7, 8});
  for (auto const route : routes()) {
    Guarded<TestSpace, TypeParam, 2> c(2, 2);
    krate::gemm(this->space, "N", "T", TypeParam(2), view<TypeParam, 2>(a), view<TypeParam, 2>(b), TypeParam(0),
                c.view(), route);
    EXPECT_TRUE(same_bits(c.array(), Array({2, 2}, {34, 46, 78, 106})));
    EXPECT_TRUE(c.intact());
  }
}

SCALAR_TEST(GemmTest, MatchesPlainLoopsForEveryTranspositionAndLayout) {
  for (auto const route : {krate::Route::automatic, krate::Route::portable})
    for (bool const ta : {false, true})
      for (bool const tb : {false, true})
        for (Layout const la : all_layouts)
          for (Layout const lb : all_layouts)
            for (Layout const lc : all_layouts)
              ASSERT_LE(this->error(7, 5, 6, ta, tb, la, lb, lc, 0.5, -1.5, route), tolerance<TypeParam>(5))
                  << ta << tb << int(la) << int(lb) << int(lc);
}

SCALAR_TEST(GemmTest, MatchesPlainLoopsAtOddSizes) {
  std::size_t const sizes[][3] = {{1, 1, 1}, {1, 9, 5}, {9, 1, 5}, {5, 9, 1}, {1, 33, 1}, {67, 41, 53}, {130, 257, 3}};
  for (auto const& s : sizes)
    for (auto const route : routes())
      for (bool const ta : {false, true})
        for (bool const tb : {false, true})
          ASSERT_LE(this->error(s[0], s[1], s[2], ta, tb, Layout::right, Layout::right, Layout::right, 1, 1, route),
                    tolerance<TypeParam>(s[1]))
              << s[0] << " " << s[1] << " " << s[2];
}

SCALAR_TEST(GemmTest, BetaZeroDoesNotReadC) {
  for (auto const route : routes())
    for (std::size_t const k : {std::size_t(0), std::size_t(4)}) {
      Guarded<TestSpace, TypeParam, 2> c(3, 5);  // starts as NaN
      Array const a = rounded<TypeParam>(filled(1, {3, k})), b = rounded<TypeParam>(filled(2, {k, 5}));
      krate::gemm(this->space, "N", "N", TypeParam(1), view<TypeParam, 2>(a), view<TypeParam, 2>(b), TypeParam(0),
                  c.view(), route);
      EXPECT_LE(worst_error(c.array(), product(a, b)), tolerance<TypeParam>(4));
      EXPECT_TRUE(c.intact());
    }
}

SCALAR_TEST(GemmTest, EmptyExtents) {
  for (auto const route : routes()) {
    EXPECT_EQ(this->error(0, 3, 4, false, false, Layout::right, Layout::right, Layout::right, 1, 0, route), 0);
    EXPECT_EQ(this->error(3, 3, 0, true, true, Layout::right, Layout::right, Layout::right, 1, 0, route), 0);
    EXPECT_EQ(this->error(3, 0, 4, false, true, Layout::right, Layout::right, Layout::right, 1, 0.5, route), 0);
  }
}

SCALAR_TEST(GemmTest, TakesLeftAndRightViewsAsTheyAre) {
  Array const a = rounded<TypeParam>(filled(1, {4, 3})), b = rounded<TypeParam>(filled(2, {3, 5}));
  Kokkos::View<TypeParam**, Kokkos::LayoutLeft, TestSpace> const left("krate::test", 4, 3);
  krate::testing::assign(left, a);
  Kokkos::View<TypeParam const**, Kokkos::LayoutRight, TestSpace, Kokkos::MemoryTraits<Kokkos::RandomAccess>> const
      right = view<TypeParam, 2>(b);
  Guarded<TestSpace, TypeParam, 2> c(4, 5);
  krate::gemm(this->space, "N", "N", TypeParam(1), left, right, TypeParam(0), c.view());
  EXPECT_LE(worst_error(c.array(), product(a, b)), tolerance<TypeParam>(3));
}

SCALAR_TEST(GemmTest, ShowsItsRoute) {
  using T = TypeParam;
  auto const run = [&](Layout layout, krate::Route route) {
    auto const a = laid_out<T>(filled(1, {6, 6}), layout), b = laid_out<T>(filled(2, {6, 6}), Layout::right);
    auto const c = laid_out<T>(filled(3, {6, 6}), Layout::left);
    return route_of("krate::gemm", [&] { krate::gemm(this->space, "N", "T", T(1), a, b, T(0), c, route); });
  };
  std::string const best = has_vendor ? "vendor" : "portable";
  for (Layout const layout : {Layout::right, Layout::left, Layout::inner})
    EXPECT_EQ(run(layout, krate::Route::automatic), best);
  EXPECT_EQ(run(Layout::strided, krate::Route::automatic), "portable");
  EXPECT_EQ(run(Layout::right, krate::Route::portable), "portable");
  if (has_vendor) {
    EXPECT_EQ(run(Layout::right, krate::Route::vendor), "vendor");
  }
  EXPECT_ERROR(krate::NotBuiltError, "krate::gemm: the vendor library cannot run this",
               run(Layout::strided, krate::Route::vendor));
}

SCALAR_TEST(GemmTest, LargeProductsMatchPlainLoopsForEveryTranspositionAndLayout) {
  for (bool const ta : {false, true})
    for (bool const tb : {false, true})
      for (Layout const layout : {Layout::right, Layout::left, Layout::inner})
        ASSERT_LE(this->error(211, 337, 131, ta, tb, layout, layout, layout, 1, tb ? 1 : 0, krate::Route::automatic),
                  tolerance<TypeParam>(337))
            << ta << tb << int(layout);
  for (double const beta : {0.0, 1.0, -0.5})  // with a factor, and with a factor of C that only a BLAS takes
    ASSERT_LE(this->error(211, 337, 131, true, false, Layout::right, Layout::right, Layout::right, -0.3, beta,
                          krate::Route::automatic),
              tolerance<TypeParam>(337));
}

SCALAR_TEST(GemmTest, LargeProductsShowTheirRoute) {
  using T = TypeParam;
  auto const run = [&](std::size_t m, std::size_t k, std::size_t n, T beta, krate::Route route) {
    auto const a = laid_out<T>(filled(1, {m, k}), Layout::inner), b = laid_out<T>(filled(2, {k, n}), Layout::left);
    auto const c = laid_out<T>(filled(3, {m, n}), Layout::left);
    return route_of("krate::gemm", [&] { krate::gemm(this->space, "N", "N", T(1), a, b, beta, c, route); });
  };
  std::string const small = has_vendor ? "vendor" : "portable";
  EXPECT_EQ(run(211, 337, 131, 0, krate::Route::automatic), large_route<T>());
  EXPECT_EQ(run(211, 337, 131, 1, krate::Route::automatic), large_route<T>());
  EXPECT_EQ(run(211, 337, 131, 2, krate::Route::automatic), small);
  EXPECT_EQ(run(211, 337, 131, 0, krate::Route::portable), "portable");
  if (has_vendor) {
    EXPECT_EQ(run(211, 337, 131, 0, krate::Route::vendor), "vendor");
  }
  EXPECT_EQ(run(100, 90, 80, 0, krate::Route::automatic), small);
  EXPECT_EQ(run(9, 1500, 700, 0, krate::Route::automatic), small);
}

SCALAR_TEST(GemmTest, LargeProductsKeepWhatIsNotANumberAndDoNotReadC) {
  using T = TypeParam;
  Array a = rounded<T>(filled(1, {211, 337})), b = rounded<T>(filled(2, {337, 131}));
  a(3, 5) = std::numeric_limits<double>::quiet_NaN();
  Guarded<TestSpace, T, 2> c(211, 131);  // starts as NaN
  krate::gemm(this->space, "N", "N", T(1), view<T, 2>(a), view<T, 2>(b), T(0), c.view());
  Array const found = c.array();
  for (std::size_t i = 0; i < 211; ++i)
    for (std::size_t j = 0; j < 131; ++j) ASSERT_EQ(std::isnan(found(i, j)), i == 3) << i << " " << j;
  EXPECT_TRUE(c.intact());
}

#if defined(_OPENMP)
SCALAR_TEST(GemmTest, LargeProductsRunInAParallelRegionOfTheProgram) {
  using T = TypeParam;
  if constexpr (std::is_same_v<TestSpace, Kokkos::Serial>) {
    Array const a = rounded<T>(filled(1, {211, 337})), b = rounded<T>(filled(2, {337, 131}));
    auto const va = view<T, 2>(a), vb = view<T, 2>(b);
    Guarded<TestSpace, T, 2> outside(211, 131), first(211, 131), second(211, 131);
    krate::gemm(this->space, "N", "N", T(1), va, vb, T(0), outside.view());
#pragma omp parallel for num_threads(2)
    for (int i = 0; i < 2; ++i)
      krate::impl::Gemm<TestSpace, T>::run(
          this->space, T(1), krate::as_strided<TestSpace>(va), krate::as_strided<TestSpace>(vb), T(0),
          krate::as_strided<TestSpace>((i ? second : first).view()), krate::Route::automatic);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
    EXPECT_LE(worst_error(first.array(), outside.array()), tolerance<T>(337));
  }
}
#endif

SCALAR_TEST(GemmTest, LargeProductsRepeatToTheBitWhateverRanBetween) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {600, 337})), b = view<T, 2>(filled(2, {337, 131}));
  Guarded<TestSpace, T, 2> first(211, 131), second(211, 131), other(600, 131);
  auto const top = Kokkos::subview(a, std::pair<std::size_t, std::size_t>(0, 211), Kokkos::ALL);
  krate::gemm(this->space, "N", "N", T(1), top, b, T(0), first.view());
  for (std::size_t rows = 212; rows < 400; ++rows) {  // more shapes than are kept
    std::pair<std::size_t, std::size_t> const some(0, rows);
    krate::gemm(this->space, "N", "N", T(1), Kokkos::subview(a, some, Kokkos::ALL), b, T(0),
                Kokkos::subview(other.view(), some, Kokkos::ALL));
  }
  krate::gemm(this->space, "N", "N", T(1), top, b, T(0), second.view());
  EXPECT_TRUE(same_bits(first.array(), second.array()));
}

SCALAR_TEST(GemmTest, RepeatsToTheBitOnOneInstance) {
  auto const a = view<TypeParam, 2>(filled(1, {150, 90})), b = view<TypeParam, 2>(filled(2, {90, 70}));
  for (auto const route : routes()) {
    Guarded<TestSpace, TypeParam, 2> first(150, 70), second(150, 70);
    krate::gemm(this->space, "N", "N", TypeParam(1), a, b, TypeParam(0), first.view(), route);
    krate::gemm(this->space, "N", "N", TypeParam(1), a, b, TypeParam(0), second.view(), route);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
  }
  Guarded<TestSpace, TypeParam, 2> c(150, 70);
  expect_good_conduct(this->space, [&] {
    krate::gemm(this->space, "N", "N", TypeParam(1), a, b, TypeParam(0), c.view(), krate::Route::portable);
  });
}

SCALAR_TEST(GemmTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {4, 3})), b = view<T, 2>(filled(2, {5, 6})), c = view<T, 2>(filled(3, {4, 6}));
  EXPECT_ERROR(krate::ShapeError, "krate::gemm: op(B) has shape [5, 6], expected [3, 6]",
               krate::gemm(this->space, "N", "N", T(1), a, b, T(0), c));
  EXPECT_ERROR(krate::ShapeError, "krate::gemm: C has shape [4, 6], expected [3, 3]",
               krate::gemm(this->space, "T", "N", T(1), a, a, T(0), c));
  EXPECT_ERROR(krate::ValueError, "krate::gemm: transposition = C, but it must be \"N\" or \"T\"",
               krate::gemm(this->space, "C", "N", T(1), a, a, T(0), c));
  EXPECT_ERROR(krate::ValueError, "transposition = null", krate::gemm(this->space, "N", nullptr, T(1), a, a, T(0), c));
}

}  // namespace
