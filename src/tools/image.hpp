// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small pictures: from numbers to PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace krate::tools {

/// 8-bit pixels, row by row: grey (one channel) or RGB (three).
struct Image {
  std::size_t width = 0, height = 0, channels = 1;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(std::size_t width, std::size_t height, std::size_t channels, std::uint8_t fill = 255)
      : width(width), height(height), channels(channels), pixels(width * height * channels, fill) {}
  std::uint8_t* at(std::size_t row, std::size_t column) { return pixels.data() + (row * width + column) * channels; }
  std::uint8_t const* at(std::size_t row, std::size_t column) const {
    return pixels.data() + (row * width + column) * channels;
  }
};

struct Rgb {
  std::uint8_t r, g, b;
};

/// A perceptual colour map over [0, 1], dark violet by teal to light yellow: lightness grows evenly, so that the
/// picture keeps its meaning in grey and for colour-blind eyes. Values outside are clamped; NaN is mid-grey.
Rgb colour_of(double value);

/// Values [rows, columns] as colours, or as greys from black to white; `low` and `high` are the ends of the scale.
Image colour_image(std::span<double const> values, std::size_t rows, std::size_t columns, double low, double high);
Image grey_image(std::span<double const> values, std::size_t rows, std::size_t columns, double low, double high);

/// Each pixel becomes a square of `factor` pixels.
Image enlarged(Image const& image, std::size_t factor);
/// Images of one size and channel count side by side, `columns` a row, `gap` white pixels between them.
Image tiled(std::span<Image const> images, std::size_t columns, std::size_t gap = 2);

}  // namespace krate::tools
