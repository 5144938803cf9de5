// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/arena.hpp"
#include "krate/linalg/elementwise.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
struct ArenaTest : ::testing::Test {};
SCALAR_TESTS(ArenaTest, krate::testing::OnlyDouble);

SCALAR_TEST(ArenaTest, GivesAlignedMemoryOfTheAskedSize) {
  for (std::size_t const bytes : {std::size_t(128), std::size_t(200), std::size_t(5000), krate::impl::huge_page + 1}) {
    krate::Arena<TestSpace> const arena(TestSpace{}, bytes);
    auto work = arena.workspace();
    EXPECT_EQ(arena.bytes(), bytes);
    EXPECT_EQ(work.capacity(), bytes);
    auto const address = reinterpret_cast<std::uintptr_t>(arena.workspace().template take<unsigned char>().data());
    EXPECT_EQ(address % (bytes >= krate::impl::huge_page ? krate::impl::huge_page : 128), 0u);
  }
}

SCALAR_TEST(ArenaTest, AllOfItCanBeUsed) {
  TestSpace space;
  std::size_t const count = (krate::impl::huge_page + 4096) / sizeof(double);
  krate::Arena<TestSpace> const arena(space, count * sizeof(double));
  auto const all = arena.workspace().template take<double>(count);
  krate::fill(space, all, 3.0);
  Array const found = to_array(all);
  EXPECT_EQ(found(0), 3);
  EXPECT_EQ(found(count - 1), 3);
}

SCALAR_TEST(ArenaTest, CopiesShareAndTheEmptyOneIsEmpty) {
  krate::Arena<TestSpace> const arena(TestSpace{}, 1024), copy = arena;
  EXPECT_EQ(arena.workspace().template take<double>(1).data(), copy.workspace().template take<double>(1).data());
  EXPECT_EQ(krate::Arena<TestSpace>().bytes(), 0u);
  EXPECT_EQ(krate::Arena<TestSpace>().workspace().capacity(), 0u);
}

SCALAR_TEST(ArenaTest, IsOneLabelledAllocation) {
  krate::testing::Recording recording;
  krate::Arena<TestSpace> const arena(TestSpace{}, 4096, "krate::test::arena");
  EXPECT_EQ(recording.count(krate::testing::Event::allocation), 1u);
  EXPECT_TRUE(recording.saw("krate::test::arena"));
}

}  // namespace
