// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/log_det.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct CholeskyTest : ::testing::Test {
  TestSpace space;
  Kokkos::View<krate::NumericalStatus, krate::DeviceOf<TestSpace>> const storage{"krate::test::status"};
  krate::Value<krate::NumericalStatus, TestSpace> const status = krate::as_value<TestSpace>(storage);

  static Array batch_of(std::size_t count, std::size_t n) {
    Array all({count, n, n});
    for (std::size_t m = 0; m < count; ++m) {
      Array const s = rounded<T>(definite(m + 1, n));
      std::copy(s.data.begin(), s.data.end(), all.data.begin() + static_cast<std::ptrdiff_t>(m * n * n));
    }
    return all;
  }
  static Array matrix(Array const& batch, std::size_t m) {
    std::size_t const n = batch.extent(1);
    auto const begin = batch.data.begin() + static_cast<std::ptrdiff_t>(m * n * n);
    return Array({n, n}, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(n * n)));
  }
  krate::NumericalStatus found() const { return krate::fetch(space, status, "krate::test: status"); }
};
SCALAR_TESTS(CholeskyTest, krate::testing::Scalars);

SCALAR_TEST(CholeskyTest, FactorsAndLeavesTheUpperTriangle) {
  using T = TypeParam;
  for (auto const route : routes())
    for (std::size_t const n : {1, 2, 3, 17, 65, 130}) {
      Array const s = rounded<T>(definite(n, n));
      Guarded<TestSpace, T, 2> a(n, n);
      krate::testing::assign(a.view(), s);
      krate::cholesky(this->space, a.view(), this->status, route);
      EXPECT_NO_THROW(krate::check(this->space, "krate::test", this->status));
      Array expected = cholesky_factor(s);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) expected(i, j) = s(i, j);
      EXPECT_LE(worst_error(a.array(), expected), tolerance<T>(n)) << n;
      EXPECT_TRUE(a.intact());
    }
}

SCALAR_TEST(CholeskyTest, ReadsTheLowerTriangleOnly) {
  using T = TypeParam;
  Array s = rounded<T>(definite(5, 6));
  Array const factor = cholesky_factor(s);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = i + 1; j < 6; ++j) s(i, j) = std::numeric_limits<double>::quiet_NaN();
  for (auto const route : routes()) {
    auto const a = view<T, 2>(s);
    krate::cholesky(this->space, a, this->status, route);
    Array found = to_array(a);
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = i + 1; j < 6; ++j) found(i, j) = 0;
    EXPECT_LE(worst_error(found, factor), tolerance<T>(6));
  }
}

SCALAR_TEST(CholeskyTest, BatchEqualsOneByOne) {
  using T = TypeParam;
  Array const all = this->batch_of(5, 7);
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 3> a(5, 7, 7);
    krate::testing::assign(a.view(), all);
    krate::batched_cholesky(this->space, a.view(), this->status, route);
    EXPECT_FALSE(this->found().failed());
    Array const together = a.array();
    for (std::size_t m = 0; m < 5; ++m) {
      auto const one = view<T, 2>(this->matrix(all, m));
      krate::cholesky(this->space, one, this->status, route);
      EXPECT_TRUE(same_bits(this->matrix(together, m), to_array(one)));
    }
    EXPECT_TRUE(a.intact());
  }
}

SCALAR_TEST(CholeskyTest, ReportsTheBadPivotOfTheSmallestFailingMatrix) {
  using T = TypeParam;
  Array all = this->batch_of(200, 4);
  auto const break_at = [&](std::size_t m, std::size_t pivot) { all(m, pivot, pivot) = -1; };
  break_at(173, 0);
  break_at(31, 2);
  break_at(32, 1);
  break_at(90, 3);
  for (auto const route : routes())
    for (int repeat = 0; repeat < 20; ++repeat) {
      auto const a = view<T, 3>(all);
      krate::batched_cholesky(this->space, a, this->status, route);
      krate::NumericalStatus const found = this->found();
      ASSERT_TRUE(found.failed());
      ASSERT_EQ(found.matrix(), 31);
      ASSERT_EQ(found.pivot(), 2);
      Array const factors = to_array(a);
      for (std::size_t const m : {31, 32, 90, 173})
        for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(std::isnan(factors(m, i, i)));
      ASSERT_TRUE(std::isfinite(factors(33, 3, 3)));
    }
  EXPECT_ERROR(
      krate::NumericalError,
      "krate::test: matrix 31 is not positive definite at pivot 2 (NaN or infinite input, or rounding); look for "
      "NaN, normalise the rows or raise eps_squared",
      krate::check(this->space, "krate::test", this->status));
}

SCALAR_TEST(CholeskyTest, ReportsNaN) {
  using T = TypeParam;
  for (auto const route : routes())
    for (std::size_t const n : {1, 3, 40, 100})
      for (std::size_t const at : {std::size_t(0), n / 2, n - 1}) {
        Array s = definite(n, n);
        s(n - 1, at) = s(at, n - 1) = std::numeric_limits<double>::quiet_NaN();
        krate::cholesky(this->space, view<T, 2>(s), this->status, route);
        EXPECT_TRUE(this->found().failed());
        EXPECT_EQ(this->found().matrix(), 0);
        EXPECT_EQ(this->found().pivot(), static_cast<std::int64_t>(n) - 1);
      }
}

SCALAR_TEST(CholeskyTest, EmptyBatchesAndMatricesAreGood) {
  for (auto const route : routes()) {
    krate::batched_cholesky(this->space, view<TypeParam, 3>(Array({0, 4, 4})), this->status, route);
    EXPECT_FALSE(this->found().failed());
    krate::batched_cholesky(this->space, view<TypeParam, 3>(Array({4, 0, 0})), this->status, route);
    EXPECT_FALSE(this->found().failed());
  }
}

SCALAR_TEST(CholeskyTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  Array const all = this->batch_of(6, 30);
  for (auto const route : routes()) {
    auto const first = view<T, 3>(all), second = view<T, 3>(all);
    EXPECT_EQ(route_of("krate::cholesky", [&] { krate::batched_cholesky(this->space, first, this->status, route); }),
              route == krate::Route::portable || !has_vendor ? "portable" : "vendor");
    krate::batched_cholesky(one_thread(), second, this->status, route);
    EXPECT_TRUE(same_bits(to_array(first), to_array(second)));
    auto const again = view<T, 3>(all);
    expect_good_conduct(this->space, [&] { krate::batched_cholesky(this->space, again, this->status, route); });
  }
}

SCALAR_TEST(CholeskyTest, RefusesWhatIsNotSquareOrHasGaps) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ShapeError, "krate::cholesky: a has shape [3, 4], expected [3, 3] (a square matrix)",
               krate::cholesky(this->space, view<T, 2>(Array({3, 4})), this->status));
  EXPECT_ERROR(krate::ShapeError, "krate::batched_cholesky: a has shape [2, 3, 4], expected [2, 3, 3]",
               krate::batched_cholesky(this->space, view<T, 3>(Array({2, 3, 4})), this->status));
  Kokkos::View<T**, Kokkos::LayoutRight, TestSpace> const whole("krate::test", 3, 5);
  EXPECT_ERROR(
      krate::ValueError, "krate::cholesky: a = strided, but it must be contiguous",
      krate::cholesky(this->space, Kokkos::subview(whole, Kokkos::ALL, Kokkos::pair<int, int>(0, 3)), this->status));
}

SCALAR_TEST(CholeskyTest, LogDetIsTwiceTheSumOfLogarithms) {
  using T = TypeParam;
  Array const all = this->batch_of(4, 9);
  auto const l = view<T, 3>(all);
  krate::batched_cholesky(this->space, l, this->status);
  Guarded<TestSpace, T, 1> result(4);
  krate::batched_log_det(this->space, l, result.view());
  Array expected({4});
  for (std::size_t m = 0; m < 4; ++m) {
    Array const factor = cholesky_factor(this->matrix(all, m));
    for (std::size_t i = 0; i < 9; ++i) expected(m) += 2 * std::log(factor(i, i));
  }
  EXPECT_LE(worst_error(result.array(), expected), tolerance<T>(9));
  EXPECT_TRUE(result.intact());
  Scalar0<T> const one("krate::test");
  krate::log_det(this->space, Kokkos::subview(l, 2, Kokkos::ALL, Kokkos::ALL), one);
  EXPECT_EQ(to_array(one)(0), result.array()(2));
  krate::log_det(this->space, view<T, 2>(Array({0, 0})), one);
  EXPECT_EQ(to_array(one)(0), 0);
  expect_good_conduct(this->space, [&] { krate::batched_log_det(this->space, l, result.view()); });
  EXPECT_ERROR(krate::ShapeError, "krate::batched_log_det: result has shape [4], expected [2]",
               krate::batched_log_det(this->space, view<T, 3>(Array({2, 3, 3})), result.view()));
}

}  // namespace
