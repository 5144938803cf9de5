// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "tools/data.hpp"

namespace krate::testing {
namespace {

struct Csv : ::testing::Test {
  Scratch in, out;
  Outcome make(std::string const& file, std::vector<std::string> const& more) {
    std::vector<std::string> words = {"data", "csv", file, "-o", out / "d.h5"};
    words.insert(words.end(), more.begin(), more.end());
    return krate(words);
  }
  io::SampleTable made(std::string const& file, std::vector<std::string> const& more) {
    auto const outcome = make(file, more);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return io::Dataset::open(out / "d.h5").load();
  }
  void rejects(std::string const& text, std::vector<std::string> const& more, std::string const& part) {
    expect_failure(make(in.write("bad.csv", text), more), part);
    EXPECT_EQ(out.count(), 0u) << "something is left behind";
  }
};

std::vector<double> sample(io::SampleTable const& table, std::size_t row) {
  std::vector<double> values(table.description().sample_size());
  table.get(row, values.data());
  return values;
}

TEST_F(Csv, IntegersBecomeImagesOfBytes) {
  auto const table = made(in.write("a.csv", "0,255,51,3,1\r\n\r\n1,2,3,4,0\r\n"), {"--shape", "1,2,2"});
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.description().sample_shape, (std::vector<std::size_t>{1, 2, 2}));
  EXPECT_EQ(sample(table, 0), (std::vector<double>{0, 1, 0.2, 3 / 255.0}));
  EXPECT_EQ(table.label(0), 1);
  EXPECT_EQ(table.description().classes, 2);
}

TEST_F(Csv, OtherNumbersStayAsTheyAre) {
  auto const table = made(in.write("a.csv", "2,0.5,-1.25\n0,1e3,+7\n"), {"--shape", "2", "--label-column", "first"});
  EXPECT_EQ(table.description().kind, io::SampleKind::features);
  EXPECT_EQ(sample(table, 0), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(sample(table, 1), (std::vector<double>{1000, 7}));
  EXPECT_EQ(table.description().classes, 3);
}

TEST_F(Csv, PackedWithNamesAndAMiddleLabel) {
  auto const file = in.write_packed("a.csv.gz", "\"p\",\"label\",\"q\"\n 16 ,1,8\n4,0,2\n");
  auto const table = made(file, {"--shape", "1,2", "--label-column", "2", "--scale", "0.0625", "--bias", "-0.5"});
  EXPECT_EQ(sample(table, 0), (std::vector<double>{0.5, 0}));
  EXPECT_EQ(table.label(0), 1);
}

TEST_F(Csv, WithoutLabels) {
  auto const table = made(in.write("a.csv", "1,2\n3,4\n"), {"--shape", "2", "--label-column", "none"});
  EXPECT_FALSE(table.description().has_labels);
}

TEST_F(Csv, SplitsTheSameWayEachTime) {
  std::string text;
  for (int i = 0; i < 101; ++i) text += std::to_string(i % 200) + "," + std::to_string(i % 3) + "\n";
  auto const first = made(in.write("a.csv", text), {"--shape", "1"}).description();
  auto const again = made(in / "a.csv", {"--shape", "1"}).description();
  EXPECT_EQ(first.split, again.split);
  EXPECT_EQ(first.indices(io::Subset::test).size(), 21u);
}

TEST_F(Csv, RejectsBadCells) {
  std::vector<std::string> const shape = {"--shape", "2"};
  rejects("1,2,0\n3,x,1\n", shape, "row 2, column 2 is 'x', which is not a number");
  rejects("1,2,0\n3,,1\n", shape, "column 2 is ''");
  rejects("1,2,0\n3,nan,1\n", shape, "row 2, column 2 is 'nan', expected finite");
  rejects("1,2,0\n3,inf,1\n", shape, "expected finite");
  rejects("1,2,0\n3,1e99,1\n", shape, "beyond single precision");
  rejects("1,2,-1\n", shape, "labels must be integers from 0 up");
  rejects("1,2,0.5\n", shape, "labels must be integers from 0 up");
  rejects("1,2,4294967296\n", shape, "labels must be integers");
}

TEST_F(Csv, RejectsRaggedAndEmptyTables) {
  rejects("1,2,0\n3,1\n", {"--shape", "2"}, "row 2 has 2 columns, expected 3");
  rejects("1,2,0\n", {"--shape", "1,28,28"}, "has 3 columns, expected 785");
  rejects("", {"--shape", "2"}, "has no samples");
  rejects("a,b,c\n", {"--shape", "2"}, "has no samples");
  rejects("\n\n", {"--shape", "2"}, "has no samples");
}

TEST_F(Csv, RejectsBadOptions) {
  rejects("1,2,0\n", {"--shape", "0"}, "--shape");
  rejects("1,2,0\n", {"--shape", "1,1,1,2"}, "--shape");
  rejects("1,2,0\n", {"--shape", "two"}, "--shape");
  rejects("1,2,0\n", {"--shape", "-2"}, "--shape");
  rejects("1,2,0\n", {"--shape", "4000000000,4000000000,4"}, "--shape");
  rejects("1,2,0\n", {}, "--shape is required");
  rejects("1,2,0\n", {"--shape", "2", "--label-column", "4"}, "--label-column = 4");
  rejects("1,2,0\n", {"--shape", "2", "--label-column", "0"}, "--label-column = 0");
  rejects("1,2,0\n", {"--shape", "2", "--label-column", "middle"}, "--label-column = middle");
  rejects("1,2,0\n", {"--shape", "2", "--scale", "big"}, "--scale");
}

TEST_F(Csv, RejectsFilesThatCannotBeRead) {
  expect_failure(make(in / "none.csv", {"--shape", "2"}), "none.csv: cannot be opened");
  expect_failure(make(in / "", {"--shape", "2"}), "is a directory");
  auto const packed = content_of(in.write_packed("a.csv.gz", std::string(10000, '1') + ",2,0\n"));
  expect_failure(make(in.write("cut.csv.gz", packed.substr(0, packed.size() - 9)), {"--shape", "2"}), "cut.csv.gz");
  std::string damaged = packed;
  damaged[packed.size() / 2] = static_cast<char>(damaged[packed.size() / 2] ^ 0x55);
  expect_failure(make(in.write("bad.csv.gz", damaged), {"--shape", "2"}), "bad.csv.gz");
}

TEST(Split, IsStratified) {
  std::vector<Label> labels;
  for (int i = 0; i < 1001; ++i) labels.push_back(i % 7 == 0 ? 3 : i % 2);
  auto const split = tools::stratified_split(labels);
  std::vector<int> tests(4), all(4);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++all[static_cast<std::size_t>(labels[i])];
    tests[static_cast<std::size_t>(labels[i])] += split[i];
  }
  for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(tests[c], all[c] / 5.0, 1);
  EXPECT_EQ(std::count(split.begin(), split.end(), 1), 201);
  EXPECT_EQ(tools::stratified_split(std::vector<Label>{5}), (std::vector<std::uint8_t>{0}));
  EXPECT_TRUE(tools::stratified_split({}).empty());
  // Samples are drawn from all over the file.
  EXPECT_GT(std::count(split.begin(), split.begin() + 500, 1), 70);
  EXPECT_GT(std::count(split.begin() + 500, split.end(), 1), 70);
}

}  // namespace
}  // namespace krate::testing
