// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/image.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "krate/core/require.hpp"

namespace krate::tools {

namespace {

// Oklab, a space in which equal steps look equal (B. Ottosson, 2020), to linear RGB.
std::array<double, 3> linear_rgb(double lightness, double chroma, double hue) {
  double const a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  auto const cube = [](double x) { return x * x * x; };
  double const l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  double const m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  double const s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

std::uint8_t srgb_byte(double linear) {
  double const x = std::clamp(linear, 0.0, 1.0);
  double const y = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255 * y));
}

Rgb make_colour(double t) {
  double const degree = std::acos(-1.0) / 180;
  double const lightness = 0.22 + 0.72 * t, hue = (300 - 195 * t) * degree;
  double const x = t - 0.42, chroma = 0.088 + (x < 0 ? 0.14 : 0.22) * x * x;  // within what a screen can show
  auto const rgb = linear_rgb(lightness, chroma, hue);
  return {srgb_byte(rgb[0]), srgb_byte(rgb[1]), srgb_byte(rgb[2])};
}

double position(double value, double low, double high) {
  return high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) : 0.5;
}

}  // namespace

Rgb colour_of(double value) {
  static auto const table = [] {
    std::array<Rgb, 256> colours;
    for (int i = 0; i < 256; ++i) colours[static_cast<std::size_t>(i)] = make_colour(i / 255.0);
    return colours;
  }();
  if (std::isnan(value)) return {128, 128, 128};
  return table[static_cast<std::size_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)))];
}

Image colour_image(std::span<double const> values, std::size_t rows, std::size_t columns, double low, double high) {
  require_value(values.size() == rows * columns, "krate::tools::colour_image", "values.size()", values.size(),
                "must be rows * columns");
  Image image(columns, rows, 3);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Rgb const c = colour_of(std::isnan(values[i]) ? values[i] : position(values[i], low, high));
    std::copy_n(&c.r, 3, image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return image;
}

Image grey_image(std::span<double const> values, std::size_t rows, std::size_t columns, double low, double high) {
  require_value(values.size() == rows * columns, "krate::tools::grey_image", "values.size()", values.size(),
                "must be rows * columns");
  Image image(columns, rows, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(std::lround(255 * position(values[i], low, high)));
  }
  return image;
}

Image enlarged(Image const& image, std::size_t factor) {
  Image large(image.width * factor, image.height * factor, image.channels);
  for (std::size_t row = 0; row < large.height; ++row) {
    for (std::size_t column = 0; column < large.width; ++column) {
      std::copy_n(image.at(row / factor, column / factor), image.channels, large.at(row, column));
    }
  }
  return large;
}

Image tiled(std::span<Image const> images, std::size_t columns, std::size_t gap) {
  constexpr char const* where = "krate::tools::tiled";
  require_value(columns > 0 && !images.empty(), where, "images.size()", images.size(), "must be positive, as columns");
  Image const& first = images.front();
  columns = std::min(columns, images.size());
  std::size_t const rows = (images.size() + columns - 1) / columns;
  std::size_t const step_x = first.width + gap, step_y = first.height + gap;
  Image sheet(columns * step_x - gap, rows * step_y - gap, first.channels);
  for (std::size_t i = 0; i < images.size(); ++i) {
    bool const same = images[i].pixels.size() == first.pixels.size() && images[i].width == first.width;
    require_value(same, where, "image", i, "must have the size and channels of the first");
    for (std::size_t row = 0; row < first.height; ++row) {
      std::copy_n(images[i].at(row, 0), first.width * first.channels,
                  sheet.at(i / columns * step_y + row, i % columns * step_x));
    }
  }
  return sheet;
}

}  // namespace krate::tools
