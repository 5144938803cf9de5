// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples of a dataset, and what a model sees in them, as pictures.
#pragma once

#include "tools/image.hpp"

namespace krate::tools {

/// An image [channels, height, width] in RGB, from its least value (black) to its greatest: three channels in colour,
/// any other number as the grey of their sum.
Image sample_image(std::span<double const> values, std::size_t channels, std::size_t height, std::size_t width);

/// Numbers of patches [rows, columns] as the colours of [0, largest], laid over a picture: `weight` of the colour, the
/// rest of the picture. The picture's sides are multiples of rows and columns.
Image patches_over(Image const& picture, std::span<double const> values, std::size_t rows, std::size_t columns,
                   double largest, double weight = 1);

}  // namespace krate::tools
