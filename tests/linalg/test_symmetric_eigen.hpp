// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/symmetric_eigen.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct SymmetricEigenTest : ::testing::Test {
  struct Found {
    Array values, vectors;
  };

  static Array symmetric(std::uint64_t seed, std::size_t n) {
    Array const x = filled(seed, {n, n});
    return rounded<T>(combined(0.5, x, 0.5, krate::testing::transpose_of(x)));
  }
  static Array batch_of(std::size_t count, std::size_t n) {
    Array all({count, n, n});
    for (std::size_t m = 0; m < count; ++m) {
      Array const s = symmetric(m + 1, n);
      std::copy(s.data.begin(), s.data.end(), all.data.begin() + static_cast<std::ptrdiff_t>(m * n * n));
    }
    return all;
  }
  static Found solve(Array const& a, krate::Route route, TestSpace const& space = TestSpace()) {
    std::size_t const n = a.extent(0);
    Bench const bench(krate::symmetric_eigen_workspace<T>(1, n, true));
    Guarded<TestSpace, T, 1> values(n);
    Guarded<TestSpace, T, 2> vectors(n, n);
    auto const given = view<T, 2>(a);
    krate::symmetric_eigen(space, given, bench.work(), values.view(), vectors.view(), route);
    EXPECT_TRUE(values.intact() && vectors.intact());
    EXPECT_TRUE(same_bits(to_array(given), rounded<T>(a)));
    return {values.array(), vectors.array()};
  }
  static Array values_alone(Array const& a, krate::Route route) {
    std::size_t const n = a.extent(0);
    Bench const bench(krate::symmetric_eigen_workspace<T>(1, n, false));
    Guarded<TestSpace, T, 1> values(n);
    krate::symmetric_eigenvalues(bench.space, view<T, 2>(a), bench.work(), values.view(), route);
    EXPECT_TRUE(values.intact());
    return values.array();
  }
  /// How far V A is from diag(values) V, and V V^T from the identity.
  static double worst_residual(Array const& a, Found const& found) {
    using krate::testing::product;
    std::size_t const n = a.extent(0);
    Array scaled = found.vectors, identity({n, n});
    for (std::size_t i = 0; i < n; ++i) {
      identity(i, i) = 1;
      for (std::size_t k = 0; k < n; ++k) scaled(i, k) *= found.values(i);
    }
    Array const gram = product(found.vectors, krate::testing::transpose_of(found.vectors));
    return std::max(worst_error(product(found.vectors, a), scaled), worst_error(gram, identity));
  }
};
SCALAR_TESTS(SymmetricEigenTest, krate::testing::Scalars);

SCALAR_TEST(SymmetricEigenTest, SatisfiesItsEquationInOrder) {
  using T = TypeParam;
  for (auto const route : routes())
    for (std::size_t const n : {1, 2, 3, 8, 17, 64, 101}) {
      Array const a = this->symmetric(n, n);
      auto const found = this->solve(a, route);
      EXPECT_LE(this->worst_residual(a, found), tolerance<T>(n)) << n;
      EXPECT_TRUE(std::is_sorted(found.values.data.begin(), found.values.data.end())) << n;
      EXPECT_LE(worst_error(this->values_alone(a, route), found.values), tolerance<T>(n)) << n;
    }
}

SCALAR_TEST(SymmetricEigenTest, ClosedForms) {
  using T = TypeParam;
  double const third = 2 * std::acos(-1.0) / 3;
  for (auto const route : routes()) {
    Array const two({2, 2}, {2, -1, -1, 2});
    EXPECT_LE(worst_error(this->values_alone(two, route), Array({2}, {1, 3})), tolerance<T>(2));
    // Second differences on a ring of three, and on a line of five with walls.
    Array const ring({3, 3}, {2, -1, -1, -1, 2, -1, -1, -1, 2});
    EXPECT_LE(worst_error(this->values_alone(ring, route), Array({3}, {0, 2 - 2 * std::cos(third), 3})),
              tolerance<T>(3));
    Array line({5, 5}), expected({5});
    for (std::size_t i = 0; i < 5; ++i) {
      line(i, i) = 2;
      if (i > 0) line(i, i - 1) = line(i - 1, i) = -1;
      expected(i) = 2 - 2 * std::cos(std::acos(-1.0) * static_cast<double>(i + 1) / 6);
    }
    EXPECT_LE(worst_error(this->values_alone(line, route), expected), tolerance<T>(5));
  }
}

SCALAR_TEST(SymmetricEigenTest, DegenerateAndExtremeMatrices) {
  using T = TypeParam;
  for (auto const route : routes()) {
    Array zero({4, 4}), diagonal({4, 4}), ones({6, 6});
    for (std::size_t i = 0; i < 4; ++i) diagonal(i, i) = i == 1 ? -3 : 7;
    std::fill(ones.data.begin(), ones.data.end(), 1.0);
    EXPECT_TRUE(same_bits(this->solve(zero, route).values, Array({4})));
    EXPECT_TRUE(same_bits(this->solve(diagonal, route).values, Array({4}, {-3, 7, 7, 7})));
    EXPECT_LE(worst_error(this->solve(ones, route).values, Array({6}, {0, 0, 0, 0, 0, 6})), tolerance<T>(6));
    EXPECT_LE(this->worst_residual(ones, this->solve(ones, route)), tolerance<T>(6));
    Array const plain = this->symmetric(3, 9);
    for (double const scale : {1e-30, 1e30}) {
      Array const scaled = rounded<T>(combined(scale, plain, 0, plain));
      EXPECT_LE(this->worst_residual(scaled, this->solve(scaled, route)), tolerance<T>(9)) << scale;
    }
  }
}

SCALAR_TEST(SymmetricEigenTest, ReadsTheLowerTriangleOnly) {
  Array const a = this->symmetric(5, 7);
  Array spoilt = a;
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t j = i + 1; j < 7; ++j) spoilt(i, j) = 1e10;
  for (auto const route : routes())
    EXPECT_TRUE(same_bits(this->solve(spoilt, route).vectors, this->solve(a, route).vectors));
}

SCALAR_TEST(SymmetricEigenTest, WhatIsNotFiniteGivesNaN) {
  for (auto const route : routes())
    for (double const bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      Array a = this->symmetric(6, 5);
      a(3, 1) = bad;
      Bench const bench(krate::symmetric_eigen_workspace<TypeParam>(1, 5, true));
      Guarded<TestSpace, TypeParam, 1> values(5);
      Guarded<TestSpace, TypeParam, 2> vectors(5, 5);
      krate::symmetric_eigen(bench.space, view<TypeParam, 2>(a), bench.work(), values.view(), vectors.view(), route);
      for (double const x : values.array().data) EXPECT_TRUE(std::isnan(x));
      for (double const x : vectors.array().data) EXPECT_TRUE(std::isnan(x));
    }
}

SCALAR_TEST(SymmetricEigenTest, BatchEqualsOneByOneAndAnEmptyOneIsGood) {
  using T = TypeParam;
  std::size_t const count = 5, n = 9;
  Array const all = this->batch_of(count, n);
  for (auto const route : routes()) {
    Bench const bench(krate::symmetric_eigen_workspace<T>(count, n, true));
    Guarded<TestSpace, T, 2> values(count, n), alone(count, n);
    Guarded<TestSpace, T, 3> vectors(count, n, n);
    krate::batched_symmetric_eigen(bench.space, view<T, 3>(all), bench.work(), values.view(), vectors.view(), route);
    krate::batched_symmetric_eigenvalues(bench.space, view<T, 3>(all), bench.work(), alone.view(), route);
    EXPECT_TRUE(values.intact() && vectors.intact() && alone.intact());
    EXPECT_LE(worst_error(alone.array(), values.array()), tolerance<T>(n));
    for (std::size_t m = 0; m < count; ++m) {  // the one matrix may have more of LAPACK's threads
      auto const one = this->solve(this->symmetric(m + 1, n), route);
      double const allowed = route == krate::Route::portable || !has_vendor ? 0 : tolerance<T>(n);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(one.values(i), values.array()(m, i), allowed);
        EXPECT_NEAR(one.vectors(i, 0), vectors.array()(m, i, 0), 10 * allowed);
      }
    }
    krate::batched_symmetric_eigenvalues(bench.space, view<T, 3>(Array({0, 4, 4})), bench.work(),
                                         view<T, 2>(Array({0, 4})), route);
    krate::symmetric_eigenvalues(bench.space, view<T, 2>(Array({0, 0})), bench.work(), view<T, 1>(Array({0})), route);
  }
}

SCALAR_TEST(SymmetricEigenTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  Array const all = this->batch_of(6, 20);
  for (auto const route : routes()) {
    Bench const bench(krate::symmetric_eigen_workspace<T>(6, 20, true));
    Guarded<TestSpace, T, 2> first(6, 20), second(6, 20);
    Guarded<TestSpace, T, 3> vectors(6, 20, 20), again(6, 20, 20);
    auto const a = view<T, 3>(all);
    EXPECT_EQ(
        route_of(
            "krate::symmetric_eigen",
            [&] { krate::batched_symmetric_eigen(bench.space, a, bench.work(), first.view(), vectors.view(), route); }),
        route == krate::Route::portable || !has_vendor ? "portable" : "vendor");
    // LAPACK's own threads follow the instance's.
    bool const fixed = route == krate::Route::portable || !has_vendor;
    krate::batched_symmetric_eigen(fixed ? one_thread() : bench.space, a, bench.work(), second.view(), again.view(),
                                   route);
    EXPECT_TRUE(same_bits(first.array(), second.array()) && same_bits(vectors.array(), again.array()));
    expect_good_conduct(bench.space, [&] {
      krate::batched_symmetric_eigen(bench.space, a, bench.work(), first.view(), vectors.view(), route);
    });
  }
}

SCALAR_TEST(SymmetricEigenTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  Bench const bench(krate::symmetric_eigen_workspace<T>(2, 3, true));
  auto const a = view<T, 3>(Array({2, 3, 3}));
  EXPECT_ERROR(
      krate::ShapeError, "krate::symmetric_eigenvalues: a has shape [3, 4], expected [3, 3] (a square matrix)",
      krate::symmetric_eigenvalues(bench.space, view<T, 2>(Array({3, 4})), bench.work(), view<T, 1>(Array({3}))));
  EXPECT_ERROR(krate::ShapeError, "krate::batched_symmetric_eigenvalues: values has shape [2, 4], expected [2, 3]",
               krate::batched_symmetric_eigenvalues(bench.space, a, bench.work(), view<T, 2>(Array({2, 4}))));
  EXPECT_ERROR(krate::ShapeError, "krate::batched_symmetric_eigen: vectors has shape [2, 3, 4], expected [2, 3, 3]",
               krate::batched_symmetric_eigen(bench.space, a, bench.work(), view<T, 2>(Array({2, 3})),
                                              view<T, 3>(Array({2, 3, 4}))));
  Bench const small(krate::symmetric_eigen_workspace<T>(1, 3, false));
  EXPECT_ERROR(krate::ValueError, "size it with the operation's _workspace function",
               krate::batched_symmetric_eigen(small.space, a, small.work(), view<T, 2>(Array({2, 3})),
                                              view<T, 3>(Array({2, 3, 3}))));
}

}  // namespace
