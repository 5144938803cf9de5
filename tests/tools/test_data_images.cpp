// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <filesystem>

#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "krate/io/hdf5.hpp"
#include "support/reference_file.hpp"
#include "tools/png.hpp"
#include "tools/resample.hpp"

namespace krate::testing {
namespace {

using tools::Image;

Image picture(io::File const& file, std::string const& path) {
  std::vector<std::size_t> shape;
  auto const values = file.read_all<std::uint8_t>(path, &shape);
  Image image(shape[1], shape[0], shape[2]);
  image.pixels.assign(values.begin(), values.end());
  return image;
}

// Pictures that Pillow made (tests/data/make_pillow.py).
TEST(EvaluationTransform, IsPillows) {
  auto const file = io::File::open(krate::testing::reference_file("pillow.h5"));
  auto const names = file.list("/");
  ASSERT_EQ(names.size(), 20u);
  for (auto const& name : names) {
    auto const about = file.attributes("/" + name);
    auto const size = [&](char const* what) { return static_cast<std::size_t>(about.get<std::int64_t>(what)); };
    auto const made = tools::centre_crop(
        tools::with_shorter_side(picture(file, "/" + name + "/picture"), size("resize")), size("crop"));
    auto const expected = picture(file, "/" + name + "/expected");
    EXPECT_EQ(made.pixels, expected.pixels) << name;  // not even one level off
  }
}

TEST(EvaluationTransform, LeavesImagesOfThatSizeAlone) {
  Image image(3, 5, 1);
  for (std::size_t i = 0; i < 15; ++i) image.pixels[i] = static_cast<std::uint8_t>(17 * i);
  EXPECT_EQ(tools::with_shorter_side(image, 3).pixels, image.pixels);
  EXPECT_EQ(tools::centre_crop(image, 3).pixels,
            std::vector<std::uint8_t>(image.pixels.begin() + 3, image.pixels.begin() + 12));
  EXPECT_EQ(tools::resized(Image(7, 9, 3, 200), 20, 3).pixels, std::vector<std::uint8_t>(180, 200));
}

struct Images : ::testing::Test {
  Scratch in, out;
  void put(std::string const& folder, std::string const& name, Image const& image) {
    std::filesystem::create_directories(in / folder);
    tools::write_png(in / (folder + "/" + name), image);
  }
  Outcome make(std::vector<std::string> const& more = {}) {
    std::vector<std::string> words = {"data", "images", in / "", "-o", out / "d.h5"};
    words.insert(words.end(), more.begin(), more.end());
    return krate(words);
  }
  io::SampleTable made(std::vector<std::string> const& more = {}) {
    auto const outcome = make(more);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return io::Dataset::open(out / "d.h5").load();
  }
  void rejects(std::string const& part, std::vector<std::string> const& more = {}) {
    expect_failure(make(more), part);
    EXPECT_EQ(out.count(), 0u) << "something is left behind";
  }
};

std::vector<double> sample_values(io::SampleTable const& table, std::size_t row) {
  std::vector<double> values(table.description().sample_size());
  table.get(row, values.data());
  return values;
}

TEST_F(Images, FoldersAreClasses) {
  put("b", "0.png", Image(2, 3, 1, 51));
  put("a", "1.png", Image(2, 3, 1, 255));
  put("a", "0.png", Image(2, 3, 1, 0));
  put("empty", "0.png", Image(2, 3, 1, 0));
  std::filesystem::remove(in / "empty/0.png");
  in.write("notes.txt", "not in a folder");
  in.write("a/.hidden", "no image");
  auto const table = made();
  EXPECT_EQ(table.description().sample_shape, (std::vector<std::size_t>{1, 3, 2}));
  EXPECT_EQ(table.description().classes, 3);
  EXPECT_EQ(sample_values(table, 0), std::vector<double>(6, 0.0));
  EXPECT_EQ(sample_values(table, 1), std::vector<double>(6, 1.0));
  EXPECT_EQ(sample_values(table, 2), std::vector<double>(6, 0.2));
  EXPECT_EQ(table.label(1), 0);
  EXPECT_EQ(table.label(2), 1);
  EXPECT_EQ(table.description().indices(io::Subset::test).size(), 1u);
}

TEST_F(Images, ColoursAreChannels) {
  Image coloured(2, 1, 3);
  coloured.pixels = {255, 0, 51, 102, 153, 204};
  put("a", "0.png", coloured);
  put("a", "1.png", Image(2, 1, 1, 255));
  auto const table = made();
  EXPECT_EQ(sample_values(table, 0), (std::vector<double>{1, 102 / 255.0, 0, 153 / 255.0, 0.2, 204 / 255.0}));
  EXPECT_EQ(sample_values(table, 1), std::vector<double>(6, 1.0));
}

TEST_F(Images, OneSizeAfterTheTransform) {
  put("a", "0.png", Image(20, 10, 1, 255));
  put("a", "1.png", Image(7, 9, 1, 255));
  rejects("7 x 9 pixels, but");
  rejects("fewer than --crop 8", {"--crop", "8"});
  rejects("--crop = 0", {"--crop", "0"});
  auto const table = made({"--resize", "8", "--crop", "6"});
  EXPECT_EQ(table.description().sample_shape, (std::vector<std::size_t>{1, 6, 6}));
  EXPECT_EQ(sample_values(table, 1), std::vector<double>(36, 1.0));
}

TEST_F(Images, RejectsWhatIsNoGoodPng) {
  rejects("has no images in folders");
  put("a", "0.png", Image(30, 30, 3, 7));
  std::string const good = content_of(in / "a/0.png");
  auto const with = [&](std::string const& bytes, std::string const& part) {
    in.write("a/0.png", bytes);
    rejects(part);
  };
  with("", "is no PNG file");
  with("GIF89a", "is no PNG file");
  for (std::size_t const size : {9, 20, 35, 60}) with(good.substr(0, std::min(size, good.size() - 1)), "0.png: cannot");
  std::string large = good;
  large[16] = '\1';  // the width
  with(large, "0.png: ");
  expect_failure(krate({"data", "images", in / "none", "-o", out / "d.h5"}), "none: cannot be read");
}

struct Bytes : ::testing::Test {
  Scratch in, out;
};

TEST_F(Bytes, CifarRecords) {
  auto const batch = [](int first, int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i)
      bytes += static_cast<char>(first + i) + std::string(3072, static_cast<char>(i * 51));
    return bytes;
  };
  for (int i = 1; i <= 5; ++i) in.write("data_batch_" + std::to_string(i) + ".bin", batch(i, 2));
  Outcome outcome = krate({"data", "cifar10", in / "", "-o", out / "d.h5"});
  expect_failure(outcome, "test_batch.bin");
  in.write_packed("test_batch.bin.gz", batch(0, 3));
  auto const made = json_of(krate({"data", "cifar10", in / "", "-o", out / "d.h5", "--json"}));
  EXPECT_EQ(made["samples"], 13);
  EXPECT_EQ(made["classes"], 10);
  EXPECT_EQ(made["test"], 3);
  auto const table = io::Dataset::open(out / "d.h5").load();
  EXPECT_EQ(table.description().sample_shape, (std::vector<std::size_t>{3, 32, 32}));
  EXPECT_EQ(table.label(1), 2);
  EXPECT_EQ(sample_values(table, 1), std::vector<double>(3072, 0.2));
  auto const played = json_of(krate({"train", "--model", "csc_ctrl", "--data", out / "d.h5", "--width", "2", "--dim",
                                     "10", "--batch", "10", "--steps", "1", "--json", "-o", out / "run"}));
  EXPECT_EQ(played["steps"], 1);
  EXPECT_TRUE(played["rate_reduction"].is_number());
  in.write("test_batch.bin", batch(0, 1).substr(1));
  expect_failure(krate({"data", "cifar10", in / "", "-o", out / "x.h5"}), "3072 bytes, expected a multiple of 3073");
  in.write("test_batch.bin", batch(10, 1));
  expect_failure(krate({"data", "cifar10", in / "", "-o", out / "x.h5"}), "record 0 has the label 10");
  expect_failure(krate({"data", "cifar10", in / "none", "-o", out / "x.h5"}), "is no directory");
}

TEST_F(Bytes, TextAndWhatFollows) {
  auto const made = json_of(
      krate({"data", "text", in.write("a.txt", "hello, world\xff"), "--context", "4", "-o", out / "d.h5", "--json"}));
  EXPECT_EQ(made["samples"], 3);
  EXPECT_EQ(made["test"], 1);
  EXPECT_EQ(made["classes"], 256);
  auto const file = io::File::open(out / "d.h5");
  std::vector<std::size_t> shape;
  auto const tokens = file.read_all<std::int64_t>("/samples/tokens", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{3, 4}));
  EXPECT_EQ(std::string(tokens.begin(), tokens.end()), "hello, world");
  auto const labels = file.read_all<std::int64_t>("/labels", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{3, 4}));
  EXPECT_EQ(labels[0], 'e');
  EXPECT_EQ(labels[11], 255);
  EXPECT_FALSE(file.has_attribute("/samples/tokens", "scale"));
  EXPECT_EQ(sample_values(io::Dataset::open(out / "d.h5").load(), 1), (std::vector<double>{'o', ',', ' ', 'w'}));
  expect_failure(krate({"data", "text", in / "a.txt", "--context", "13", "-o", out / "x.h5"}), "has 13 bytes");
  expect_failure(krate({"data", "text", in / "a.txt", "--context", "0", "-o", out / "x.h5"}), "--context = 0");
  expect_failure(krate({"data", "text", in.write("b.txt", ""), "-o", out / "x.h5"}), "has 0 bytes");
}

}  // namespace
}  // namespace krate::testing
