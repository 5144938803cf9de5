// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <limits>

#include "core/impl/flush_denormals.hpp"

namespace {

/// A quarter of the smallest normal number.
float quarter() {
  float volatile const smallest = std::numeric_limits<float>::min();
  float volatile const quarter = smallest * 0.25F;
  return quarter;
}

TEST(FlushDenormals, LastsAsLongAsTheObject) {
  ASSERT_GT(quarter(), 0.F);
#if defined(__SSE2__)
  {
    krate::impl::FlushDenormals const outer;
    EXPECT_EQ(quarter(), 0.F);
    { krate::impl::FlushDenormals const inner; }
    EXPECT_EQ(quarter(), 0.F);
  }
  EXPECT_GT(quarter(), 0.F);
#endif
}

}  // namespace
