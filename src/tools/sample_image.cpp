// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sample_image.hpp"

#include <algorithm>
#include <cmath>

namespace krate::tools {

Image sample_image(std::span<double const> values, std::size_t channels, std::size_t height, std::size_t width) {
  std::size_t const pixels = height * width;
  std::vector<double> rgb(3 * pixels, 0.0);
  for (std::size_t e = 0; e < pixels; ++e) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t k = 0; k < 3; ++k) {
        if (channels != 3 || c == k) rgb[3 * e + k] += values[c * pixels + e];
      }
    }
  }
  auto const [low, high] = std::minmax_element(rgb.begin(), rgb.end());
  Image image(width, height, 3);
  image.pixels = grey_image(rgb, height, 3 * width, *low, *high).pixels;
  return image;
}

Image patches_over(Image const& picture, std::span<double const> values, std::size_t rows, std::size_t columns,
                   double largest, double weight) {
  std::size_t const height = picture.height / rows, width = picture.width / columns;
  Image image = picture;
  for (std::size_t row = 0; row < picture.height; ++row) {
    for (std::size_t column = 0; column < picture.width; ++column) {
      double const value = values[row / height * columns + column / width];
      Rgb const colour = colour_of(largest > 0 ? value / largest : 0);
      double const over[3] = {static_cast<double>(colour.r), static_cast<double>(colour.g),
                              static_cast<double>(colour.b)};
      for (std::size_t k = 0; k < 3; ++k) {
        auto& pixel = image.at(row, column)[k];
        pixel = static_cast<std::uint8_t>(std::lround(weight * over[k] + (1 - weight) * pixel));
      }
    }
  }
  return image;
}

}  // namespace krate::tools
