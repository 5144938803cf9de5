// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The canonical Views share memory with the user's, whatever its layout.
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/elementwise.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
struct TypesTest : ::testing::Test {};
SCALAR_TESTS(TypesTest, krate::testing::Scalars);

SCALAR_TEST(TypesTest, MatrixKeepsTheRowStride) {
  Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace> const whole("krate::test", 4, 7);
  auto const part = Kokkos::subview(whole, Kokkos::pair<int, int>(1, 3), Kokkos::pair<int, int>(2, 6));
  auto const m = krate::as_matrix<TestSpace>(part);
  EXPECT_EQ(m.data(), whole.data() + 9);
  EXPECT_EQ(m.stride(0), 7u);
  EXPECT_EQ(m.extent(0), 2u);
  EXPECT_EQ(m.extent(1), 4u);
  EXPECT_EQ(krate::as_matrix<TestSpace>(Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace>()).size(), 0u);
}

SCALAR_TEST(TypesTest, StridedTakesAnyLayout) {
  Kokkos::View<TypeParam**, Kokkos::LayoutLeft, TestSpace> const left("krate::test", 4, 7);
  auto const s = krate::as_strided<TestSpace>(left);
  EXPECT_EQ(s.data(), left.data());
  EXPECT_EQ(s.stride(0), 1u);
  EXPECT_EQ(s.stride(1), 4u);
  auto const t = krate::transposed(s);
  EXPECT_EQ(t.extent(0), 7u);
  EXPECT_EQ(t.stride(0), 4u);
  EXPECT_EQ(t.data(), left.data());
}

SCALAR_TEST(TypesTest, TensorsSeenAsRows) {
  Kokkos::View<TypeParam***, Kokkos::LayoutRight, TestSpace> const x("krate::test", 2, 3, 5);
  auto const rows = krate::as_rows(krate::as_tensor3<TestSpace>(x));
  EXPECT_EQ(rows.extent(0), 6u);
  EXPECT_EQ(rows.extent(1), 5u);
  EXPECT_EQ(rows.data(), x.data());
}

SCALAR_TEST(TypesTest, GapsAreRefused) {
  Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace> const matrix("krate::test", 4, 7);
  auto const column = Kokkos::subview(matrix, Kokkos::ALL, 2);
  EXPECT_ERROR(krate::ShapeError, "a View of rank 1 has gaps between its elements",
               krate::as_vector<TestSpace>(column));
  EXPECT_EQ(krate::as_vector<TestSpace>(Kokkos::subview(matrix, 1, Kokkos::ALL)).data(), matrix.data() + 7);
  EXPECT_EQ(krate::as_vector<TestSpace>(Kokkos::subview(column, Kokkos::pair<int, int>(1, 2))).size(), 1u);
}

SCALAR_TEST(TypesTest, CopyFillAndAddRunOnTheInstance) {
  TestSpace space;
  auto const x = view<TypeParam, 2>(filled(1, {3, 4}));
  Guarded<TestSpace, double, 2> y(3, 4);
  krate::copy(space, x, y.view());
  EXPECT_TRUE(y.intact());
  EXPECT_TRUE(same_bits(y.array(), to_array(x)));
  krate::fill(space, y.view(), 2.0);
  krate::add(space, x, y.view());
  EXPECT_LE(worst_error(y.array(),
                        [&] {
                          Array a = filled(1, {3, 4}, 1, 2);
                          return a;
                        }()),
            tolerance<TypeParam>(1));
  expect_good_conduct(space, [&] {
    krate::copy(space, x, y.view());
    krate::fill(space, y.view(), 2.0);
    krate::add(space, x, y.view());
  });
  EXPECT_ERROR(krate::ValueError, "krate::copy: size = 12, but it must equal the size of the target",
               krate::copy(space, x, Kokkos::View<double*, TestSpace>("krate::test", 11)));
  auto const gaps = Kokkos::subview(x, Kokkos::ALL, Kokkos::pair<int, int>(0, 2));
  EXPECT_ERROR(krate::ValueError, "must be contiguous", krate::fill(space, gaps, TypeParam(0)));
}

}  // namespace
