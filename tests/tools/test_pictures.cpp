// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <limits>

#include "command.hpp"
#include "krate/core/error.hpp"
#include "markup.hpp"
#include "support/op_test.hpp"
#include "tools/axis.hpp"
#include "tools/png.hpp"
#include "tools/svg.hpp"

namespace krate::tools {
namespace {

using krate::testing::content_of;
using krate::testing::is_well_formed;
using krate::testing::Scratch;

std::vector<std::uint8_t> decoded(std::string const& file, Image const& like) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&header, file.data(), file.size())) return {};
  EXPECT_EQ(header.width, like.width);
  EXPECT_EQ(header.height, like.height);
  header.format = like.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(header));
  png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr);
  return pixels;
}

TEST(Pictures, PngDecodesToTheSamePixels) {
  Scratch const scratch;
  for (std::size_t const channels : {1, 3}) {
    Image image(7, 5, channels);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(37 * i);
    write_png(scratch / "a.png", image);
    EXPECT_EQ(decoded(content_of(scratch / "a.png"), image), image.pixels);
  }
  EXPECT_ERROR(ValueError, "must be positive", encode_png(Image()));
  EXPECT_ERROR(IoError, "/nowhere/a.png", write_png("/nowhere/a.png", Image(1, 1, 1)));
}

TEST(Pictures, Base64OfTheStandardsExamples) {
  auto const code = [](std::string const& s) {
    return base64({reinterpret_cast<std::uint8_t const*>(s.data()), s.size()});
  };
  EXPECT_EQ(code(""), "");
  EXPECT_EQ(code("f"), "Zg==");
  EXPECT_EQ(code("fo"), "Zm8=");
  EXPECT_EQ(code("foo"), "Zm9v");
  EXPECT_EQ(code("foobar"), "Zm9vYmFy");
  EXPECT_EQ(data_uri(Image(1, 1, 1)).rfind("data:image/png;base64,iVBOR", 0), 0u);
}

TEST(Pictures, ColoursGrowLighterEvenly) {
  auto const lightness = [](Rgb c) {  // CIE L*
    auto const linear = [](int v) { return v <= 10 ? v / 255.0 / 12.92 : std::pow((v / 255.0 + 0.055) / 1.055, 2.4); };
    double const y = 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
    return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
  };
  double const whole = lightness(colour_of(1)) - lightness(colour_of(0));
  EXPECT_GT(whole, 70);
  for (int i = 1; i <= 16; ++i) {
    double const step = lightness(colour_of(i / 16.0)) - lightness(colour_of((i - 1) / 16.0));
    EXPECT_GT(step, 0.5 * whole / 16) << i;
    EXPECT_LT(step, 1.6 * whole / 16) << i;
  }
  EXPECT_EQ(colour_of(std::nan("")).r, 128);
  EXPECT_EQ(colour_of(-5).b, colour_of(0).b);
}

TEST(Pictures, TilesAndEnlarges) {
  std::vector<double> const values = {0, 1, 2, 3};
  Image const grey = grey_image(values, 2, 2, 0, 3);
  EXPECT_EQ(grey.pixels, (std::vector<std::uint8_t>{0, 85, 170, 255}));
  Image const large = enlarged(grey, 3);
  EXPECT_EQ(large.width, 6u);
  EXPECT_EQ(*large.at(5, 2), 170);
  std::vector<Image> const three(3, grey);
  Image const sheet = tiled(three, 2, 1);
  EXPECT_EQ(sheet.width, 5u);
  EXPECT_EQ(sheet.height, 5u);
  EXPECT_EQ(*sheet.at(0, 2), 255);
  EXPECT_EQ(*sheet.at(0, 4), 85);
  EXPECT_EQ(*sheet.at(4, 0), 170);
  EXPECT_EQ(*sheet.at(4, 4), 255);
  EXPECT_EQ(colour_image(values, 2, 2, 0, 3).channels, 3u);
  EXPECT_ERROR(ValueError, "rows * columns", grey_image(values, 3, 2, 0, 1));
}

TEST(Pictures, ChartsAreWellFormedAndFinite) {
  double const nan = std::nan("");
  std::vector<Series> const lines = {{"a < b & c", {0, 1, 2, 3}, {1, 10, nan, 1000}, {0.1, 1, 1, 50}, "", true, true},
                                     {"flat", {0, 3}, {5, 5}},
                                     {"nothing"}};
  for (bool const log : {false, true}) {
    auto const svg = line_chart(lines, {.title = "\"loss\"", .x_label = "step", .y_label = "loss", .log_y = log});
    EXPECT_TRUE(is_well_formed(svg)) << svg;
    EXPECT_TRUE(is_well_formed(svg_file(svg)));
    EXPECT_EQ(svg_file(svg).rfind("<svg xmlns=", 0), 0u);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
    EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  }
  EXPECT_TRUE(is_well_formed(line_chart({}, {})));
  EXPECT_TRUE(is_well_formed(line_chart({{"one", {1}, {1}}}, {.log_x = true})));
  auto const bars = bar_chart({"0", "1"}, {{"train", {}, {0.5, nan}, {0.1, 0.1}}, {"test", {}, {-0.2, 0.7}}}, {});
  EXPECT_TRUE(is_well_formed(bars)) << bars;
  EXPECT_EQ(bars.find("nan"), std::string::npos);
}

TEST(Pictures, LongSeriesAreThinnedWithTheirExtremes) {
  Series s{"x"};
  for (int i = 0; i < 100000; ++i) {
    s.x.push_back(i);
    s.y.push_back(i == 77777 ? 100 : std::sin(0.01 * i));
  }
  auto const svg = line_chart({s}, {});
  EXPECT_LT(svg.size(), 60000u);
  EXPECT_NE(svg.find(",30 "), std::string::npos) << "the peak at the upper edge is gone";
}

TEST(Pictures, TicksAreRound) {
  EXPECT_EQ(round_ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(round_ticks(-3, 17, 4), (std::vector<double>{-5, 0, 5, 10, 15, 20}));
  EXPECT_EQ(tick_text(0.6000000000000001), "0.6");
  EXPECT_EQ(tick_text(12000), "12k");
  EXPECT_EQ(make_axis(1e-3, 1, true, false, 5).ticks.front(), 1e-3);
}

}  // namespace
}  // namespace krate::tools
