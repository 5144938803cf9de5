// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include "tools/progress.hpp"

namespace krate::tools {
namespace {

std::size_t columns(std::string const& text) {  // UTF-8: continuation bytes take none
  std::size_t count = 0;
  for (char const c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

TEST(Progress, ShowsPartTimeLeftAndNote) {
  auto const text = Progress::bar("training", 25, 100, 30, "loss 0.5", 80);
  EXPECT_NE(text.find("25 %, 1:30 left, loss 0.5"), std::string::npos) << text;
  EXPECT_LT(columns(text), 80u);
  EXPECT_LT(columns(Progress::bar("training", 25, 100, 30, "loss 0.5", 50)), 50u);
}

TEST(Progress, KeepsToTheEnds) {
  EXPECT_NE(Progress::bar("t", 0, 0, 0, "", 80).find("100 %"), std::string::npos);
  EXPECT_EQ(Progress::bar("t", 0, 10, 5, "", 80).find("left"), std::string::npos);
  EXPECT_NE(Progress::bar("t", 20, 10, 5, "", 80).find("100 %, 0:00 left"), std::string::npos);
}

TEST(Progress, WritesTimes) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(187), "3:07");
  EXPECT_EQ(clock_text(3729), "1:02:09");
  EXPECT_EQ(clock_text(-1), "0:00");
}

}  // namespace
}  // namespace krate::tools
