// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that are wrong, by accident or on purpose: one clear error each, no crash, no huge allocation, no waiting.
#include <sys/stat.h>

#include "io/support.hpp"
#include "krate/io/dataset.hpp"

namespace {

using namespace krate::io;
using krate::IoError;
using krate::testing::data_file;
using krate::testing::TemporaryDirectory;

struct Bad {
  char const* file;
  char const* text;
};
void PrintTo(Bad const& bad, std::ostream* out) {
  *out << bad.file;
}

struct BadFiles : ::testing::TestWithParam<Bad> {};

TEST_P(BadFiles, GiveOneError) {
  File const file = File::open(data_file(GetParam().file));
  std::string const named = std::string(GetParam().file) + ".h5: /samples";
  EXPECT_TEXT(IoError, file.read_all("/samples/features"), named, GetParam().text);
  EXPECT_TEXT(IoError, Dataset::open(data_file(GetParam().file)), named, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Hdf5, BadFiles,
                         ::testing::Values(Bad{"compound", "n"}, Bad{"strings", "n"}, Bad{"null_space", "is empty"},
                                           Bad{"huge_chunked", "holds 0 of its"},
                                           Bad{"huge_packed", "declares 2147483648 bytes, but the file stores only 5"},
                                           Bad{"huge_contiguous", "the file stores only 0"},
                                           Bad{"overflow", "holds 0 of its"},
                                           Bad{"missing_chunks", "holds 4 of its 8 chunks"},
                                           Bad{"external_storage", "in other files"}, Bad{"virtual", "in other files"},
                                           Bad{"external_link", "cannot be"}, Bad{"soft_cycle", "cannot be"},
                                           Bad{"unknown_filter", "filter 31999"}),
                         [](auto const& info) { return std::string(info.param.file); });

TEST(BadFiles, WrongElementsAreNamed) {
  EXPECT_TEXT(IoError, File::open(data_file("compound")).read_all("/samples/features"), "neither numbers nor text");
  EXPECT_TEXT(IoError, File::open(data_file("strings")).read_all("/samples/features"), "holds text, expected numbers");
  EXPECT_TEXT(IoError, File::open(data_file("packed")).read_all("/damaged"), "packed.h5: /damaged",
              "transferred (HDF5: ");
  EXPECT_TEXT(IoError, File::open(data_file("external_link")).info("/indirect/int8"),
              "external_link.h5: /indirect/int8");
  EXPECT_TEXT(IoError, Dataset::open(data_file("dangling")), "dangling.h5: /labels", "cannot be opened");
}

TEST(BadFiles, WhatIsNoHdf5FileIsNamed) {
  TemporaryDirectory const dir;
  EXPECT_TEXT(IoError, File::open(dir / "none.h5"), "none.h5: there is no such file");
  EXPECT_TEXT(IoError, File::open(dir.path()), "is not a regular file");
  krate::testing::write_bytes(dir / "zero.h5", "");
  EXPECT_TEXT(IoError, File::open(dir / "zero.h5"), "zero.h5: is empty");
  krate::testing::write_bytes(dir / "text.h5", std::string(5000, 'a'));
  EXPECT_TEXT(IoError, File::open(dir / "text.h5"), "text.h5: is not an HDF5 file");
  ASSERT_EQ(::mkfifo((dir / "pipe.h5").c_str(), 0600), 0);
  EXPECT_TEXT(IoError, File::open(dir / "pipe.h5"), "is not a regular file");
}

// Each length and each byte of a small file: an error or the right values, whatever was damaged.
TEST(BadFiles, TruncatedAnywhere) {
  TemporaryDirectory const dir;
  std::vector<float> const values = {1, 2, 3, 4, 5, 6};
  {
    File file = File::create(dir / "good.h5");
    file.write<float>("/samples/features", {3, 2}, 0, 3, values);
    file.commit();
  }
  std::string const good = krate::testing::read_bytes(dir / "good.h5");
  ASSERT_GT(good.size(), 100u);
  for (std::size_t length = 0; length < good.size(); length += 1 + length / 50) {
    krate::testing::write_bytes(dir / "cut.h5", good.substr(0, length));
    EXPECT_THROW(File::open(dir / "cut.h5").read_all("/samples/features"), IoError) << length;
  }
}

}  // namespace
