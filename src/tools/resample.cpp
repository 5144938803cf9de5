// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/resample.hpp"

#include <algorithm>
#include <cmath>

namespace krate::tools {

namespace {

constexpr int fraction_bits = 22;  // 32, less 8 of a pixel, less 2 for sign and overshoot

// Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// The old pixels that make a new one.
struct Window {
  std::size_t first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Window> windows(std::size_t from, std::size_t to) {
  double const scale = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(scale, 1.0),
               shrink = 1 / stretch, reach = 2 * stretch;
  std::vector<Window> all(to);
  std::vector<double> weights;
  for (std::size_t i = 0; i < to; ++i) {
    double const centre = (static_cast<double>(i) + 0.5) * scale;
    auto const begin = static_cast<std::size_t>(std::max(0.0, centre - reach + 0.5));
    auto const end = std::min(from, static_cast<std::size_t>(centre + reach + 0.5));
    double sum = 0;
    weights.clear();
    for (std::size_t k = begin; k < end; ++k) {
      weights.push_back(cubic((static_cast<double>(k) - centre + 0.5) * shrink));
      sum += weights.back();
    }
    all[i].first = begin;
    for (double const w : weights) {
      double const fixed = w / sum * (1 << fraction_bits);
      all[i].weights.push_back(static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

/// One new value from pixels `stride` apart.
std::uint8_t weighted(std::uint8_t const* pixels, std::size_t stride, std::vector<std::int32_t> const& weights) {
  std::int32_t sum = 1 << (fraction_bits - 1);
  for (std::size_t k = 0; k < weights.size(); ++k) sum += pixels[k * stride] * weights[k];
  return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255));
}

Image with_width(Image const& image, std::size_t width) {
  if (width == image.width) return image;
  Image out(width, image.height, image.channels);
  auto const from = windows(image.width, width);
  for (std::size_t row = 0; row < image.height; ++row)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t c = 0; c < image.channels; ++c)
        out.at(row, x)[c] = weighted(image.at(row, from[x].first) + c, image.channels, from[x].weights);
  return out;
}

Image with_height(Image const& image, std::size_t height) {
  if (height == image.height) return image;
  Image out(image.width, height, image.channels);
  auto const from = windows(image.height, height);
  std::size_t const line = image.width * image.channels;
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t k = 0; k < line; ++k)
      out.at(y, 0)[k] = weighted(image.at(from[y].first, 0) + k, line, from[y].weights);
  return out;
}

}  // namespace

Image resized(Image const& image, std::size_t width, std::size_t height) {
  return with_height(with_width(image, width), height);
}

Image with_shorter_side(Image const& image, std::size_t side) {
  bool const wide = image.width > image.height;
  std::size_t const shorter = std::min(image.width, image.height), longer = std::max(image.width, image.height);
  std::size_t const length = side * longer / shorter;
  return resized(image, wide ? length : side, wide ? side : length);
}

Image centre_crop(Image const& image, std::size_t side) {
  // Halves go to the even neighbour, as in Python.
  auto const margin = [&](std::size_t extent) {
    return static_cast<std::size_t>(std::nearbyint(static_cast<double>(extent - side) / 2));
  };
  Image out(side, side, image.channels);
  std::size_t const top = margin(image.height), left = margin(image.width);
  for (std::size_t row = 0; row < side; ++row)
    std::copy_n(image.at(top + row, left), side * image.channels, out.at(row, 0));
  return out;
}

}  // namespace krate::tools
