// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cctype>

#include "io/support.hpp"

namespace {

// True where the text calls a function of the HDF5 library.
bool calls_hdf5(std::string const& text) {
  for (std::size_t at = text.find("H5"); at != std::string::npos; at = text.find("H5", at + 1)) {
    if (at > 0 && (std::isalnum(text[at - 1]) || text[at - 1] == '_')) continue;
    std::size_t end = at + 2;
    if (!std::isupper(text[end])) continue;
    while (std::isalnum(text[end]) || text[end] == '_') ++end;
    if (text[end] == '(') return true;
  }
  return false;
}

TEST(OneDoor, NoOtherFileCallsHdf5) {
  EXPECT_TRUE(calls_hdf5("x = H5Fopen(path);"));
  int inside = 0;
  for (char const* part : {"include", "src", "tests", "examples", "perf"}) {
    std::filesystem::path const root = std::filesystem::path(KRATE_SOURCE) / part;
    if (!std::filesystem::exists(root)) continue;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(root)) {
      std::string const name = entry.path().filename().string(), extension = entry.path().extension().string();
      if (extension != ".hpp" && extension != ".cpp") continue;
      bool const allowed = name.starts_with("hdf5") && entry.path().parent_path().filename() == "io";
      bool const calls = name != "test_one_door.cpp" && calls_hdf5(krate::testing::read_bytes(entry.path().string()));
      EXPECT_TRUE(allowed || !calls) << entry.path() << " calls HDF5; use krate::io::File";
      inside += allowed && calls;
      if (part == std::string("include")) {
        EXPECT_EQ(krate::testing::read_bytes(entry.path().string()).find("hdf5.h>"), std::string::npos) << entry.path();
      }
    }
  }
  EXPECT_GE(inside, 3);
}

}  // namespace
