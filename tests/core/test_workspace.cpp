// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/workspace.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/op_test.hpp"

namespace {

using Space = Kokkos::DefaultHostExecutionSpace;
using Workspace = krate::Workspace<Space>;

struct WorkspaceTest : ::testing::Test {
  alignas(128) std::byte memory[1024];
  Workspace work{memory, sizeof(memory)};
};

std::size_t cut_three(Workspace work) {
  work.take<double>(3);
  return work.used();
}

TEST_F(WorkspaceTest, CutsFrontToBackAndAligned) {
  auto const a = work.take<float>(3);
  auto const b = work.take<double>(2, 5);
  EXPECT_EQ(static_cast<void*>(a.data()), memory);
  EXPECT_EQ(static_cast<void*>(b.data()), memory + Workspace::alignment);
  EXPECT_EQ(b.extent(0), 2u);
  EXPECT_EQ(b.extent(1), 5u);
  EXPECT_EQ(work.used(), 2 * Workspace::alignment);
}

TEST_F(WorkspaceTest, WhatACalleeCutsIsFreeAgain) {
  auto const mine = work.take<double>(4);
  std::size_t const before = work.used();
  EXPECT_GT(cut_three(work), before);
  EXPECT_EQ(work.used(), before);
  auto const next = work.take<double>(1);
  EXPECT_EQ(reinterpret_cast<std::byte*>(next.data()), memory + before);
  (void)mine;
}

TEST_F(WorkspaceTest, ExhaustionNamesTheSizes) {
  work.take<double>(112);  // 896 of 1024 bytes
  EXPECT_NO_THROW(Workspace(work).take<double>(16));
  EXPECT_ERROR(krate::ValueError, "krate::Workspace: 256 more bytes are needed, but 128 of 1024 are left",
               work.take<double>(17));
  EXPECT_EQ(work.used(), 896u);
  EXPECT_ERROR(krate::ValueError, "_workspace", Workspace().take<double>(1));
}

TEST_F(WorkspaceTest, NothingIsFree) {
  EXPECT_EQ(work.take<double>(0, 7).size(), 0u);
  EXPECT_EQ(work.used(), 0u);
  EXPECT_NO_THROW(Workspace().take<double>(0));
}

TEST_F(WorkspaceTest, MeasuringCountsWhatCuttingTakes) {
  auto const cut = [](Workspace& w) {
    w.take<double>(5);
    cut_three(w);
    w.take<float>(2, 3, 4);
    w.take<int>();
  };
  std::size_t const bytes = krate::measure<Space>(cut);
  cut(work);
  EXPECT_EQ(bytes, work.used());
  std::vector<std::byte> exact(bytes);
  Workspace tight(exact.data(), bytes);
  EXPECT_NO_THROW(cut(tight));
  EXPECT_TRUE(Workspace::measuring().is_measuring());
  EXPECT_FALSE(work.is_measuring());
}

TEST_F(WorkspaceTest, MeasuringGivesNoMemory) {
  auto measuring = Workspace::measuring();
  EXPECT_EQ(measuring.take<double>(std::size_t(1) << 40).data(), nullptr);
  EXPECT_EQ(measuring.used(), std::size_t(8) << 40);
}

}  // namespace
