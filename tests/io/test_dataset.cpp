// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/dataset.hpp"

#include <cmath>
#include <limits>

#include "io/support.hpp"

namespace {

using krate::Attribute;
using namespace krate::io;
using krate::IoError;
using krate::Label;
using krate::NumericalError;
using krate::ValueError;
using krate::testing::TemporaryDirectory;

// A dataset file made step by step, right or wrong.
class Maker {
 public:
  explicit Maker(std::string const& path) : file_(File::create(path)) {}
  template <class T>
  Maker& put(std::string const& path, std::vector<std::size_t> const& shape, std::vector<T> const& values) {
    file_.write<T>(path, shape, 0, shape.empty() ? 1 : shape[0], values);
    return *this;
  }
  Maker& attribute(std::string const& path, std::string const& name, Attribute const& value) {
    file_.set_attribute(path, name, value);
    return *this;
  }
  void done() { file_.commit(); }

 private:
  File file_;
};

std::vector<std::uint8_t> const pixels = {0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6};  // [3, 2, 1, 2]

struct DatasetTest : ::testing::Test {
  TemporaryDirectory dir;
  std::string const path = dir / "d.h5";
  Dataset open(DatasetOptions const& options = {}) const { return Dataset::open(path, {}, options); }
};

TEST_F(DatasetTest, BytesAreScaledToOneUnlessTheFileSaysOtherwise) {
  Maker(path).put("/samples/images", {3, 2, 1, 2}, pixels).put<std::int64_t>("/labels", {3}, {4, 0, 2}).done();
  Dataset const data = open();
  DatasetDescription const& d = data.description();
  EXPECT_EQ(d.kind, SampleKind::images);
  EXPECT_EQ(d.sample_shape, (std::vector<std::size_t>{2, 1, 2}));
  EXPECT_EQ(d.samples, 3u);
  EXPECT_EQ(d.classes, 5);  // the largest label + 1
  EXPECT_FALSE(d.has_split());
  std::vector<double> rows(8);
  data.read_rows<double>(1, 2, rows);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_DOUBLE_EQ(rows[i], pixels[4 + i] / 255.0);
  SampleTable const table = data.load();
  std::vector<double> sample(4);
  std::vector<float> single(4);
  table.get(1, sample.data());
  table.get(1, single.data());
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sample[i], rows[i]);
    EXPECT_EQ(single[i], static_cast<float>(rows[i]));
  }
  EXPECT_EQ(table.label(0), 4);
  EXPECT_EQ(table.label(2), 2);
  EXPECT_EQ(table.bytes(), pixels.size() + 3 * sizeof(Label));  // bytes stay bytes
}

TEST_F(DatasetTest, ScaleAndBiasByChannel) {
  Maker(path)
      .put("/samples/images", {3, 2, 1, 2}, pixels)
      .attribute("/samples/images", "scale", std::vector<double>{0.5, 2})
      .attribute("/samples/images", "bias", std::int64_t(1))
      .attribute("/samples/images", "units", "counts")
      .done();
  Dataset const data = open();
  EXPECT_EQ(data.description().units, "counts");
  EXPECT_FALSE(data.description().has_labels);
  std::vector<float> rows(4), sample(4);
  data.read_rows<float>(0, 1, rows);
  data.load().get(0, sample.data());
  EXPECT_EQ(rows, (std::vector<float>{1, 26.5, 205, 307}));
  EXPECT_EQ(sample, rows);
  EXPECT_TEXT(ValueError, data.require_labels(), "d.h5", "has no labels");
  Dataset const flat = open({.as_features = true});
  EXPECT_EQ(flat.description().kind, SampleKind::features);
  EXPECT_EQ(flat.description().sample_shape, std::vector<std::size_t>{4});
  flat.read_rows<float>(0, 1, sample);
  EXPECT_EQ(sample, rows);
}

template <class T>
struct DatasetTypes : DatasetTest {};
using Elements = ::testing::Types<double, float, std::int64_t, std::int32_t, std::uint8_t>;
TYPED_TEST_SUITE(DatasetTypes, Elements);
TYPED_TEST(DatasetTypes, AreReadAndLabelsOfAnyNumber) {
  using T = TypeParam;
  Maker(this->path)
      .put<T>("/samples/features", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
      .template put<T>("/labels", {4}, {0, 1, 1, 0})
      .attribute("/labels", "classes", std::int64_t(3))
      .template put<std::uint8_t>("/split", {4}, {0, 1, 0, 1})
      .done();
  Dataset const data = this->open();
  EXPECT_EQ(data.description().classes, 3);
  EXPECT_EQ(data.indices(Subset::train), (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(data.indices(Subset::test), (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(data.indices(Subset::all).size(), 4u);
  double const scale = std::is_same_v<T, std::uint8_t> ? 1.0 / 255 : 1.0;
  std::vector<double> row(2);
  SampleTable const table = data.load();
  table.get(3, row.data());
  EXPECT_EQ(row, (std::vector<double>{7 * scale, 8 * scale}));
  EXPECT_EQ(table.label(1), 1);
  std::vector<Label> labels(4);
  data.read_labels(0, 4, labels);
  EXPECT_EQ(labels, (std::vector<Label>{0, 1, 1, 0}));
}

TEST_F(DatasetTest, TokensAreNotScaledAndMayHaveALabelAPosition) {
  Maker(path)
      .put<std::uint8_t>("/samples/tokens", {2, 3}, {7, 8, 255, 0, 1, 2})
      .put<std::int32_t>("/labels", {2, 3}, {8, 255, -100, 1, 2, 0})
      .done();
  Dataset const data = open();
  EXPECT_EQ(data.description().kind, SampleKind::tokens);
  EXPECT_EQ(data.description().classes, 256);
  SampleTable const table = data.load();
  std::vector<Label> tokens(3);
  table.get_tokens(0, tokens.data());
  EXPECT_EQ(tokens, (std::vector<Label>{7, 8, 255}));
  EXPECT_EQ(table.labels(0)[2], ignored_label);
  EXPECT_EQ(table.labels(1)[1], 2);
}

TEST_F(DatasetTest, OtherNamesOnRequest) {
  Maker(path).put<float>("/run/outputs", {2, 2}, {1, 2, 3, 4}).put<std::int32_t>("/run/kinds", {2}, {1, 0}).done();
  Dataset const data = open({.samples = "/run/outputs", .labels = "/run/kinds"});
  EXPECT_EQ(data.description().classes, 2);
  EXPECT_TEXT(IoError, open(), "d.h5: /samples: holds neither");
  EXPECT_TEXT(IoError, open({.samples = "/run/none"}), "/run/none: there is no such dataset");
  EXPECT_TEXT(IoError, open({.samples = "/run/outputs", .labels = "/none"}), "/none: there is no such dataset");
}

TEST_F(DatasetTest, WithoutSplitAllIsTrainAndTestAnError) {
  Maker(path).put<float>("/samples/features", {2, 1}, {1, 2}).done();
  EXPECT_EQ(open().indices(Subset::train).size(), 2u);
  EXPECT_TEXT(ValueError, open().indices(Subset::test), "has no /split");
  EXPECT_EQ(subset_of("test"), Subset::test);
  EXPECT_TEXT(ValueError, subset_of("valid"), "'valid' is no split; use train, test or all");
}

TEST_F(DatasetTest, WrongLabelsAreNamedByRow) {
  auto const with = [&](auto const& labels, std::vector<std::size_t> const& shape, std::int64_t classes) {
    Maker maker(path);
    maker.put<float>("/samples/features", {3, 1}, {1, 2, 3}).put("/labels", shape, labels);
    if (classes) maker.attribute("/labels", "classes", classes);
    maker.done();
    return [&] { open(); };
  };
  using Ints = std::vector<std::int64_t>;
  EXPECT_TEXT(IoError, with(Ints{0, 1, 2}, {3}, 2)(), "d.h5: /labels: label 2 of row 2 is not an integer in [0, 2)");
  EXPECT_TEXT(IoError, with(Ints{0, -1, 1}, {3}, 0)(), "label -1 of row 1");
  EXPECT_TEXT(IoError, with(Ints{0, -100, 1}, {3}, 0)(), "label -100 of row 1");
  EXPECT_TEXT(IoError, with(Ints{0, std::int64_t(1) << 40, 1}, {3}, 0)(), "of row 1 is not an integer");
  EXPECT_TEXT(IoError, with(std::vector<double>{0, 1, 1.5}, {3}, 0)(), "label 1.5 of row 2");
  EXPECT_TEXT(IoError, with(std::vector<double>{NAN, 1, 1}, {3}, 0)(), "label nan of row 0");
  EXPECT_TEXT(IoError, with(Ints{0, 1}, {2}, 0)(), "/labels: has shape [2], expected [3]");
  EXPECT_TEXT(IoError, with(Ints{0, 1, 1, 0, 0, 0}, {3, 2}, 0)(), "/labels: has shape [3, 2], expected [3]");
  EXPECT_TEXT(IoError, with(Ints{0, 1, 1}, {3}, -2)(), "attribute 'classes' is -2");
}

TEST_F(DatasetTest, WrongSamplesAreNamed) {
  Maker(path).put<float>("/samples/images", {3, 4}, std::vector<float>(12)).done();
  EXPECT_TEXT(IoError, open(), "d.h5: /samples/images: has shape [3, 4], expected [samples, channels, rows, columns]");
  Maker(path).put<float>("/samples/features", {3, 2, 2}, std::vector<float>(12)).done();
  EXPECT_TEXT(IoError, open(), "/samples/features: has shape [3, 2, 2], expected [samples, features]");
  Maker(path).put<float>("/samples/features", {0, 4}, {}).done();
  EXPECT_TEXT(IoError, open(), "has shape [0, 4], so there are no samples");
  Maker(path).put<float>("/samples/tokens", {1, 2}, {1, 2}).done();
  EXPECT_TEXT(IoError, open(), "/samples/tokens: holds floating numbers, expected integers");
  Maker(path).put<std::int32_t>("/samples/tokens", {2, 2}, {1, 2, 3, -4}).done();
  EXPECT_TEXT(IoError, open().load(), "token of row 1, position 1 is negative");
  Maker(path)
      .put<float>("/samples/features", {2, 2}, std::vector<float>(4))
      .attribute("/samples/features", "scale", std::vector<double>{1, 2, 3})
      .done();
  EXPECT_TEXT(IoError, open(), "attribute 'scale' has 3 values, expected 1 or 2");
  Maker(path)
      .put<float>("/samples/features", {2, 2}, std::vector<float>(4))
      .attribute("/samples/features", "bias", double(INFINITY))
      .done();
  EXPECT_TEXT(IoError, open(), "attribute 'bias' is not finite");
}

TEST_F(DatasetTest, WrongSplitIsNamed) {
  Maker(path).put<float>("/samples/features", {2, 1}, {1, 2}).put<std::int32_t>("/split", {2}, {0, 2}).done();
  EXPECT_TEXT(IoError, open(), "/split: is 2 for row 1");
  Maker(path).put<float>("/samples/features", {2, 1}, {1, 2}).put<std::int32_t>("/split", {3}, {0, 1, 1}).done();
  EXPECT_TEXT(IoError, open(), "/split: has shape [3], expected integers of shape [2]");
}

TEST_F(DatasetTest, NanAndInfinityAreNamedByRowAndPosition) {
  std::vector<float> values(12, 0.5f);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  Maker(path).put("/samples/features", {4, 3}, values).done();
  EXPECT_TEXT(NumericalError, open().load(), "d.h5: /samples/features: sample 2 is nan at position 1");
  std::vector<double> rows(6);
  EXPECT_TEXT(NumericalError, open().read_rows<double>(2, 2, rows), "sample 2 is nan at position 1");
  open().read_rows<double>(0, 2, rows);
  std::vector<double> wide(12, 0.5);
  wide[11] = -std::numeric_limits<double>::infinity();
  Maker(path).put("/samples/features", {4, 3}, wide).done();
  EXPECT_TEXT(NumericalError, open().load(), "sample 3 is -inf at position 2");
}

}  // namespace
