// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/add_scaled.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct AddScaledTest : ::testing::Test {
  TestSpace space;
};
SCALAR_TESTS(AddScaledTest, krate::testing::Scalars);

SCALAR_TEST(AddScaledTest, MatchesPlainLoops) {
  using T = TypeParam;
  for (std::size_t const size : {0, 1, 7, 1000}) {
    Array const from = rounded<T>(filled(1, {size})), start = rounded<T>(filled(2, {size}));
    Guarded<TestSpace, T, 1> to(size);
    Kokkos::deep_copy(to.view(), view<T, 1>(start));
    krate::add_scaled(this->space, T(-0.5), view<T, 1>(from), to.view());
    Array expected = start;
    for (std::size_t i = 0; i < size; ++i) expected(i) -= 0.5 * from(i);
    EXPECT_LE(worst_error(to.array(), expected), tolerance<T>(1));
    EXPECT_TRUE(to.intact());
  }
}

SCALAR_TEST(AddScaledTest, SizesAndGapsAreRefusedAndItsConductIsGood) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {3, 4}));
  auto const b = view<T, 1>(filled(2, {12}));
  expect_good_conduct(this->space, [&] { krate::add_scaled(this->space, T(2), a, b); });
  EXPECT_ERROR(krate::ValueError, "krate::add_scaled: size = 12, but it must equal the size of the target",
               krate::add_scaled(this->space, T(2), a, view<T, 1>(Array({3}))));
  EXPECT_ERROR(krate::ValueError, "must be contiguous",
               krate::add_scaled(this->space, T(2), Kokkos::subview(a, Kokkos::ALL, 1), b));
}

}  // namespace
