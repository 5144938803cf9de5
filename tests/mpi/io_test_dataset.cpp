// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <limits>

#include "krate/core/error.hpp"
#include "krate/io/dataset.hpp"
#include "mpi/ranks.hpp"

namespace {

using namespace krate::io;
using krate::IoError;
using krate::Label;
using krate::comm::Communicator;
using krate::testing::SharedDirectory;

struct DatasetOfRanks : ::testing::TestWithParam<bool> {
  Communicator comm = GetParam() ? krate::testing::half() : krate::testing::world();
  SharedDirectory dir{comm};
  std::size_t rank = static_cast<std::size_t>(comm.rank()), size = static_cast<std::size_t>(comm.size());

  // 11 samples of 2 features; the root has them all.
  void write(std::vector<float> const& values, std::vector<Label> const& labels, std::int64_t classes = 0) const {
    std::vector<std::uint8_t> split(labels.size());
    for (std::size_t i = 0; i < split.size(); ++i) split[i] = i % 3 == 0;
    File file = File::create(dir / "d.h5", comm);  // unchecked, unlike write_dataset
    std::size_t const mine = comm.is_root() ? labels.size() : 0;
    file.write<float>("/samples/features", {labels.size(), 2}, 0, mine, std::span(values).first(2 * mine));
    file.write<Label>("/labels", {labels.size()}, 0, mine, std::span(labels).first(mine));
    file.write<std::uint8_t>("/split", {labels.size()}, 0, mine, std::span(split).first(mine));
    if (classes) file.set_attribute("/labels", "classes", classes);
    file.commit();
  }
  static std::vector<float> values() {
    std::vector<float> x(22);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + 0.5f;
    return x;
  }
  std::vector<Label> labels{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4};
};
INSTANTIATE_TEST_SUITE_P(Of, DatasetOfRanks, ::testing::Values(false, true),
                         [](auto const& info) { return info.param ? "Half" : "World"; });

TEST_P(DatasetOfRanks, LoadsTheSameOnEveryRank) {
  write(values(), labels);
  Dataset const data = Dataset::open(dir / "d.h5", comm);
  EXPECT_EQ(data.description().classes, 6);  // label 5 lies with one rank only
  EXPECT_EQ(data.indices(Subset::test), (std::vector<std::size_t>{0, 3, 6, 9}));
  SampleTable const table = data.load();
  std::vector<double> sample(2);
  for (std::size_t i = 0; i < 11; ++i) {
    table.get(i, sample.data());
    EXPECT_EQ(sample, (std::vector<double>{2 * double(i) + 0.5, 2 * double(i) + 1.5}));
    EXPECT_EQ(table.label(i), labels[i]);
  }
  std::vector<float> row(rank == 0 ? 2 : 0);  // the others read none
  data.read_rows<float>(10, rank == 0, row);
  EXPECT_EQ(row, rank == 0 ? (std::vector<float>{20.5, 21.5}) : std::vector<float>());
}

TEST_P(DatasetOfRanks, AWrongRowIsNamedOnEveryRank) {
  std::vector<Label> wrong = labels;
  wrong[10] = 9;
  write(values(), wrong, 6);
  EXPECT_ERROR_EVERYWHERE(IoError, "label 9 of row 10", Dataset::open(dir / "d.h5", comm));
  for (std::size_t const at : {1, 21}) {
    std::vector<float> nan = values();
    nan[at] = std::numeric_limits<float>::quiet_NaN();
    write(nan, labels);
    Dataset const data = Dataset::open(dir / "d.h5", comm);
    std::string const text = "sample " + std::to_string(at / 2) + " is nan at position 1";
    EXPECT_ERROR_EVERYWHERE(krate::NumericalError, text, data.load());
  }
  write({}, {});
  EXPECT_ERROR_EVERYWHERE(IoError, "there are no samples", Dataset::open(dir / "d.h5", comm));
  EXPECT_ERROR_EVERYWHERE(IoError, "/samples/images: there is no such dataset",
                          Dataset::open(dir / "d.h5", comm, {.samples = "/samples/images"}));
}

TEST_P(DatasetOfRanks, RowsOfTheRanksFollowEachOther) {
  std::vector<std::uint8_t> pixels(rank * 4,
                                   static_cast<std::uint8_t>(rank));  // rank r gives r images, the last one more
  std::vector<Label> mine(rank, static_cast<Label>(rank));
  if (rank + 1 == size) {
    pixels.insert(pixels.end(), {9, 9, 9, 9});
    mine.push_back(3);
  }
  DatasetContents contents{.kind = SampleKind::images,
                           .sample_shape = {1, 2, 2},
                           .samples = std::span<std::uint8_t const>(pixels),
                           .labels = mine,
                           .classes = 4,
                           .scale = {1}};
  write_dataset(dir / "w.h5", comm, contents);
  SampleTable const table = Dataset::open(dir / "w.h5", comm).load();
  EXPECT_EQ(table.size(), size * (size - 1) / 2 + 1);
  std::size_t row = 0;
  std::vector<float> sample(4);
  for (std::size_t r = 0; r < size; ++r) {
    for (std::size_t i = 0; i < r; ++i, ++row) {
      table.get(row, sample.data());
      EXPECT_EQ(sample, std::vector<float>(4, static_cast<float>(r)));
      EXPECT_EQ(table.label(row), static_cast<Label>(r));
    }
  }
  EXPECT_EQ(table.label(row), 3);
  contents.classes = 3;  // the last rank's label is too large now
  EXPECT_ERROR_EVERYWHERE(krate::ValueError, "must lie in [0, classes)", write_dataset(dir / "x.h5", comm, contents));
  EXPECT_EQ(dir.files(), 1u);
}

}  // namespace
