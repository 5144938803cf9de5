// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests of nn and optim share: workspaces of exact size, and checks that hold for every
// operation.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "krate/core/arena.hpp"
#include "support/op_test.hpp"

namespace {

using krate::testing::Array;
using krate::testing::filled;
using krate::testing::Guarded;
using krate::testing::to_array;
using krate::testing::tolerance;
using krate::testing::worst_error;

template <class T, std::size_t Rank>
auto view(Array const& a) {
  return krate::testing::to_view<TestSpace, T, Rank>(a);
}
template <class T>
using Scalar0 = Kokkos::View<T, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>>;

/// A workspace of exactly these bytes, and an instance to run on.
struct Bench {
  TestSpace space;
  krate::Arena<TestSpace> arena;
  explicit Bench(std::size_t bytes = 0) : arena(space, bytes) {}
  krate::Workspace<TestSpace> work() const { return bytes() ? arena.workspace() : krate::Workspace<TestSpace>(); }
  std::size_t bytes() const { return arena.bytes(); }
};

/// An instance of another number of threads, where the space has such.
template <class Space = TestSpace>
Space one_thread() {
  if constexpr (std::is_constructible_v<Space, int> && !krate::impl::is_device<Space>) {
    return Space(1);
  } else {
    return Space();
  }
}

inline bool same_bits(Array const& a, Array const& b) {
  return a.shape == b.shape && std::equal(a.data.begin(), a.data.end(), b.data.begin());
}

/// Kernels carry our labels and run on the given instance; nothing is allocated, fenced or deep-copied.
template <class Call>
void expect_good_conduct(TestSpace const& space, Call const& call) {
  call();
  space.fence("krate::test: warm-up");
  std::vector<krate::testing::Event> events;
  {
    krate::testing::Recording recording;
    call();
    events = recording.events();
    EXPECT_EQ(recording.unlabelled(), std::vector<std::string>());
  }
  space.fence("krate::test: done");
  auto const& foreign = krate::testing::foreign_labels();
  std::size_t kernels = 0;
  for (auto const& event : events) {
    if (event.kind == krate::testing::Event::region) continue;
    if (event.kind == krate::testing::Event::kernel) {
      ++kernels;
      EXPECT_EQ(event.device, Kokkos::Tools::Experimental::device_id(space)) << event.label;
    } else {
      EXPECT_NE(std::find(foreign.begin(), foreign.end(), event.label), foreign.end()) << event.label;
    }
  }
  EXPECT_GT(kernels, 0u);
}

}  // namespace
