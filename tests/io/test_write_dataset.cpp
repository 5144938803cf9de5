// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <limits>

#include "io/support.hpp"
#include "krate/io/dataset.hpp"

namespace {

using krate::Attribute;
using namespace krate::io;
using krate::Label;
using krate::NumericalError;
using krate::ShapeError;
using krate::ValueError;
using krate::testing::TemporaryDirectory;

std::vector<std::uint8_t> const bytes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16};
std::vector<float> const floats(12, 0.25f);
std::vector<Label> const labels = {1, 0, 3};
std::vector<std::uint8_t> const split = {0, 0, 1};

DatasetContents images() {
  DatasetContents c{
      .kind = SampleKind::images, .sample_shape = {1, 2, 2}, .samples = std::span<std::uint8_t const>(bytes)};
  c.labels = labels;
  c.split = split;
  c.classes = 10;
  c.scale = {1.0 / 16};
  c.description = "three images";
  c.attributes.set("licence", "CC BY 4.0");
  return c;
}

TEST(WriteDataset, IsReadBack) {
  TemporaryDirectory const dir;
  write_dataset(dir / "d.h5", {}, images());
  Dataset const data = Dataset::open(dir / "d.h5");
  DatasetDescription const& d = data.description();
  EXPECT_EQ(d.kind, SampleKind::images);
  EXPECT_EQ(d.classes, 10);
  EXPECT_EQ(d.split, split);
  EXPECT_EQ(d.axes, "sample,channel,row,column");
  EXPECT_EQ(d.description, "three images");
  std::vector<float> sample(4);
  data.load().get(2, sample.data());
  EXPECT_EQ(sample, (std::vector<float>{0.5, 0.5625, 0.625, 1}));
  EXPECT_EQ(File::open(dir / "d.h5").attribute("/", "licence"), Attribute("CC BY 4.0"));
}

TEST(WriteDataset, FeaturesAndTokens) {
  TemporaryDirectory const dir;
  write_dataset(dir / "f.h5", {}, {.sample_shape = {4}, .samples = std::span<float const>(floats)});
  EXPECT_EQ(Dataset::open(dir / "f.h5").description().sample_shape, std::vector<std::size_t>{4});
  std::vector<std::int32_t> const tokens = {5, 6, 7, 8};
  std::vector<Label> const next = {6, 7, 8, ignored_label};
  write_dataset(dir / "t.h5", {},
                {.kind = SampleKind::tokens,
                 .sample_shape = {2},
                 .samples = std::span<std::int32_t const>(tokens),
                 .labels = next,
                 .label_shape = {2},
                 .classes = 9});
  SampleTable const table = Dataset::open(dir / "t.h5").load();
  EXPECT_EQ(table.labels(1)[0], 8);
  EXPECT_EQ(table.description().classes, 9);
}

TEST(WriteDataset, RefusesWhatCouldNotBeReadAndWritesNothing) {
  TemporaryDirectory const dir;
  auto const expect_value_error = [&](char const* text, auto const& change) {
    DatasetContents c = images();
    change(c);
    EXPECT_ERROR(ValueError, text, write_dataset(dir / "d.h5", {}, c));
  };
  auto const expect_shape_error = [&](char const* text, auto const& change) {
    DatasetContents c = images();
    change(c);
    EXPECT_ERROR(ShapeError, text, write_dataset(dir / "d.h5", {}, c));
  };
  std::vector<std::uint8_t> const bad_split = {0, 2, 1};
  expect_value_error("label of row 2 = 3", [](auto& c) { c.classes = 3; });
  expect_value_error("split of row 1 = 2", [&](auto& c) { c.split = bad_split; });
  expect_value_error("samples = 0", [](auto& c) {
    c.samples = std::span<float const>();
    c.labels = {};
    c.split = {};
  });
  expect_shape_error("sample_shape is [4]", [](auto& c) { c.sample_shape = {4}; });
  expect_shape_error("no whole number of samples", [](auto& c) { c.sample_shape = {1, 1, 7}; });
  expect_shape_error("2 labels for 3 samples", [](auto& c) { c.labels = c.labels.first(2); });
  expect_shape_error("scale or bias has 2 values", [](auto& c) { c.scale = {1, 2}; });
  std::vector<float> values = floats;
  values[5] = std::numeric_limits<float>::infinity();
  DatasetContents c = images();
  c.samples = std::span<float const>(values);
  EXPECT_ERROR(NumericalError, "sample 1 is inf at position 1", write_dataset(dir / "d.h5", {}, c));
  EXPECT_TRUE(dir.files().empty());
}

}  // namespace
