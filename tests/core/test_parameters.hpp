// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/parameters.hpp"
#include "krate/linalg/elementwise.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
struct ParameterListTest : ::testing::Test {
  using List = krate::ParameterList<TestSpace, T>;
  TestSpace space;
  static List make() {
    return List(TestSpace{}, {{.name = "embed", .shape = {3, 5}},
                              {.name = "scale", .shape = {7}, .decay = false},
                              {.name = "shift", .shape = {1}, .decay = false},
                              {.name = "heads", .shape = {4, 2, 3}, .split = krate::Split::by_head}});
  }
};
SCALAR_TESTS(ParameterListTest, krate::testing::Scalars);

SCALAR_TEST(ParameterListTest, NamesShapesAndSizesInOrder) {
  auto const list = this->make();
  ASSERT_EQ(list.entries().size(), 4u);
  EXPECT_EQ(list.entries()[3].name, "heads");
  EXPECT_EQ(list.entries()[3].size, 24u);
  EXPECT_EQ(list.entries()[3].split, krate::Split::by_head);
  EXPECT_EQ(list.count(), 15u + 7 + 1 + 24);
  EXPECT_EQ(list.index("shift"), 2u);
  EXPECT_ERROR(krate::ValueError, "there is no parameter named Shift", list.index("Shift"));
  auto const matrix = list.value_matrix(3);
  EXPECT_EQ(matrix.extent(0), 4u);
  EXPECT_EQ(matrix.extent(1), 6u);
  EXPECT_EQ(list.gradient_matrix(1).extent(0), 7u);
}

SCALAR_TEST(ParameterListTest, TensorsBeginAtMultiplesOf64Bytes) {
  auto const list = this->make();
  std::size_t end = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    auto const& p = list.entries()[i];
    EXPECT_EQ(p.offset * sizeof(TypeParam) % 64, 0u);
    EXPECT_GE(p.offset, end);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(list.value(i).data()) % 64, 0u);
    EXPECT_EQ(list.value(i).data() - list.value(0).data(), static_cast<std::ptrdiff_t>(p.offset));
    EXPECT_EQ(list.gradient(i).data() - list.gradient(0).data(), static_cast<std::ptrdiff_t>(p.offset));
    end = p.offset + p.size;
  }
  EXPECT_GE(list.length(), end);
}

SCALAR_TEST(ParameterListTest, SegmentsAreStretchesOfOneDecay) {
  auto const list = this->make();
  ASSERT_EQ(list.segments().size(), 3u);
  std::size_t begin = 0;
  for (auto const& s : list.segments()) {
    EXPECT_EQ(s.offset, begin);
    EXPECT_EQ(s.value.extent(0), s.gradient.extent(0));
    begin += s.value.extent(0);
  }
  EXPECT_EQ(begin, list.length());
  EXPECT_TRUE(list.segments()[0].decay);
  EXPECT_FALSE(list.segments()[1].decay);
  EXPECT_EQ(list.segments()[1].value.data(), list.value(1).data());
}

SCALAR_TEST(ParameterListTest, StartsAtZeroAndPaddingStaysZero) {
  auto const list = this->make();
  for (std::size_t i = 0; i < 4; ++i) {
    krate::fill(this->space, list.value(i), TypeParam(1));
    krate::fill(this->space, list.gradient(i), TypeParam(2));
  }
  double values = 0, gradients = 0;
  for (auto const& s : list.segments()) {
    for (double const v : to_array(s.value).data) values += v;
    for (double const g : to_array(s.gradient).data) gradients += g;
  }
  EXPECT_EQ(values, static_cast<double>(list.count()));
  EXPECT_EQ(gradients, 2 * static_cast<double>(list.count()));
}

SCALAR_TEST(ParameterListTest, CopiesShareTheBuffers) {
  auto const list = this->make(), copy = list;
  EXPECT_EQ(list.value(2).data(), copy.value(2).data());
}

SCALAR_TEST(ParameterListTest, AdoptsForeignViews) {
  using V = Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace>;
  V const value("krate::test", 3, 2), gradient("krate::test", 3, 2);
  typename TestFixture::List list;
  list.adopt("mine", value, gradient, false);
  list.adopt("other", Kokkos::View<TypeParam*, TestSpace>("krate::test", 5),
             Kokkos::View<TypeParam*, TestSpace>("krate::test", 5));
  EXPECT_EQ(list.count(), 11u);
  EXPECT_EQ(list.value(0).data(), value.data());
  EXPECT_EQ(list.gradient_matrix(0).extent(1), 2u);
  ASSERT_EQ(list.segments().size(), 2u);
  EXPECT_FALSE(list.segments()[0].decay);
  EXPECT_EQ(list.segments()[1].offset, list.entries()[1].offset);
  EXPECT_GE(list.segments()[1].offset, 6u);
}

SCALAR_TEST(ParameterListTest, RefusesWhatItCannotAdopt) {
  using V = Kokkos::View<TypeParam**, Kokkos::LayoutRight, TestSpace>;
  V const value("krate::test", 3, 2), small("krate::test", 2, 2), wide("krate::test", 3, 4);
  auto const gaps = Kokkos::subview(wide, Kokkos::ALL, Kokkos::pair<int, int>(0, 2));
  typename TestFixture::List list;
  list.adopt("a", value, V("krate::test", 3, 2));
  EXPECT_ERROR(krate::ValueError, "krate::ParameterList::adopt: name = a, but it is already in the list",
               list.adopt("a", value, value));
  EXPECT_ERROR(krate::ValueError, "belongs to a View with gaps", list.adopt("b", gaps, value));
  EXPECT_ERROR(krate::ValueError, "belongs to a View with gaps", list.adopt("b", value, gaps));
  EXPECT_ERROR(krate::ShapeError, "the gradient of b has 4 elements, expected 6", list.adopt("b", value, small));
  EXPECT_EQ(list.entries().size(), 1u);
}

}  // namespace
