// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures at another size, as those who publish accuracies make them.
#pragma once

#include "tools/image.hpp"

namespace krate::tools {

/// Bicubic with antialiasing, rounded as Pillow does it: coefficients with 22 fractional bits, rows first, 8 bits in
/// between.
Image resized(Image const& image, std::size_t width, std::size_t height);
/// The shorter side becomes `side`, the longer one keeps the proportion (rounded down).
Image with_shorter_side(Image const& image, std::size_t side);
/// The middle; `side` must not be larger than the image.
Image centre_crop(Image const& image, std::size_t side);

}  // namespace krate::tools
