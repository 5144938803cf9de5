// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "command.hpp"
#include "krate/io/dataset.hpp"

namespace krate::testing {
namespace {

std::string number(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}
std::string images(std::uint32_t n, std::uint32_t rows, std::uint32_t columns) {
  std::string file = number(0x803) + number(n) + number(rows) + number(columns);
  for (std::uint32_t i = 0; i < n * rows * columns; ++i) file += static_cast<char>(7 * i);
  return file;
}
std::string labels(std::uint32_t n) {
  std::string file = number(0x801) + number(n);
  for (std::uint32_t i = 0; i < n; ++i) file += static_cast<char>(i % 10);
  return file;
}

struct Mnist : ::testing::Test {
  Scratch in, out;
  void SetUp() override {
    in.write("train-images-idx3-ubyte", images(12, 3, 4));
    in.write("train-labels-idx1-ubyte", labels(12));
    in.write_packed("t10k-images-idx3-ubyte.gz", images(5, 3, 4));
    in.write_packed("t10k-labels-idx1-ubyte.gz", labels(5));
  }
  Outcome make() { return krate({"data", "mnist", in / "", "-o", out / "d.h5"}); }
  void rejects(std::string const& part) {
    expect_failure(make(), part);
    EXPECT_EQ(out.count(), 0u) << "something is left behind";
  }
};

TEST_F(Mnist, BecomesADataset) {
  auto const outcome = make();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(out.count(), 1u);
  auto const data = io::Dataset::open(out / "d.h5");
  auto const& d = data.description();
  EXPECT_EQ(d.kind, io::SampleKind::images);
  EXPECT_EQ(d.samples, 17u);
  EXPECT_EQ(d.sample_shape, (std::vector<std::size_t>{1, 3, 4}));
  EXPECT_EQ(d.classes, 10);
  EXPECT_EQ(data.indices(io::Subset::test), (std::vector<std::size_t>{12, 13, 14, 15, 16}));
  EXPECT_DOUBLE_EQ(d.scale.at(0), 1.0 / 255);
  auto const table = data.load();
  std::vector<double> first(12), last(12);
  table.get(0, first.data());
  table.get(13, last.data());
  EXPECT_DOUBLE_EQ(first[11], 77 / 255.0);
  EXPECT_DOUBLE_EQ(last[0], 84 / 255.0);
  EXPECT_EQ(table.label(11), 1);
}

TEST_F(Mnist, SaysWhatItMade) {
  auto const json = json_of(krate({"data", "mnist", in / "", "-o", out / "d.h5", "--json"}));
  EXPECT_EQ(json["samples"], 17);
  EXPECT_EQ(json["test"], 5);
}

TEST_F(Mnist, RejectsWrongMagic) {
  in.write("train-images-idx3-ubyte", labels(12) + images(12, 3, 4));
  rejects("magic number 2049, expected 2051");
}
TEST_F(Mnist, RejectsTruncatedImages) {
  in.write("train-images-idx3-ubyte", images(12, 3, 4).substr(0, 100));
  rejects("its header promises 144");
}
TEST_F(Mnist, RejectsEmptyFiles) {
  in.write("train-labels-idx1-ubyte", "");
  rejects("train-labels-idx1-ubyte: has 0 bytes");
}
TEST_F(Mnist, RejectsTrailingBytes) {
  in.write("train-labels-idx1-ubyte", labels(12) + "x");
  rejects("holds 13 bytes");
}
TEST_F(Mnist, RejectsImpossibleSizes) {
  in.write("train-images-idx3-ubyte", number(0x803) + number(0xffffffff) + number(0xffffffff) + number(0xffffffff));
  rejects("impossible size");
}
TEST_F(Mnist, RejectsCountsThatDisagree) {
  in.write("train-labels-idx1-ubyte", labels(11));
  rejects("has 12 images");
}
TEST_F(Mnist, RejectsOtherImageSizesForTesting) {
  in.write_packed("t10k-images-idx3-ubyte.gz", images(5, 4, 3));
  rejects("another size");
}
TEST_F(Mnist, RejectsTruncatedGzip) {
  auto const packed = content_of(in / "t10k-images-idx3-ubyte.gz");
  in.write("t10k-images-idx3-ubyte.gz", packed.substr(0, packed.size() / 2));
  rejects("t10k-images-idx3-ubyte.gz: cannot be read or unpacked");
}
TEST_F(Mnist, RejectsMissingFiles) {
  std::filesystem::remove(in / "t10k-labels-idx1-ubyte.gz");
  rejects("t10k-labels-idx1-ubyte");
}
TEST_F(Mnist, RejectsAMissingDirectory) {
  expect_failure(krate({"data", "mnist", "/nowhere", "-o", out / "d.h5"}), "/nowhere");
}

TEST_F(Mnist, RejectsAnOutputThatCannotBeWritten) {
  expect_failure(krate({"data", "mnist", in / "", "-o", out / "none/d.h5"}), "none/d.h5");
  expect_failure(krate({"data", "mnist", in / "", "-o", out / ""}), out / "");
}

TEST_F(Mnist, KeepsTheOldOutputWhenItFails) {
  out.write("d.h5", "old");
  in.write("train-labels-idx1-ubyte", "");
  expect_failure(make(), "train-labels");
  EXPECT_EQ(content_of(out / "d.h5"), "old");
}

TEST(Digits, AreShipped) {
  Scratch const scratch;
  auto const outcome = krate({"data", "digits", "-o", scratch / "digits.h5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  auto const data = io::Dataset::open(scratch / "digits.h5");
  EXPECT_EQ(data.size(), 1797u);
  EXPECT_EQ(data.description().classes, 10);
  EXPECT_EQ(data.indices(io::Subset::train).size(), 1437u);
  auto const table = data.load();
  std::vector<int> tests(10), all(10);
  for (std::size_t i = 0; i < table.size(); ++i) ++all[static_cast<std::size_t>(table.label(i))];
  for (std::size_t const i : data.indices(io::Subset::test)) ++tests[static_cast<std::size_t>(table.label(i))];
  for (std::size_t c = 0; c < 10; ++c) EXPECT_NEAR(tests[c], all[c] / 5.0, 1) << c;
  double most = 0;
  std::vector<double> pixels(64);
  for (std::size_t i = 0; i < table.size(); ++i) {
    table.get(i, pixels.data());
    most = std::max(most, *std::max_element(pixels.begin(), pixels.end()));
  }
  EXPECT_EQ(most, 1);
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Digits, OneRankMakesThemForAll) {
  Scratch const scratch;
  EXPECT_EQ(json_of(krate_ranks(2, {"data", "digits", "-o", scratch / "d.h5", "--json"}))["samples"], 1797);
  auto const failed = krate_ranks(2, {"data", "digits", "-o", scratch / "none/d.h5"});
  EXPECT_GT(failed.exit_code, 0);
  EXPECT_EQ(own_lines(failed.err).size(), 1u) << failed.err;
}
#endif

}  // namespace
}  // namespace krate::testing
