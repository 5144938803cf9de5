// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A random part of an image, seen at the size of the whole.
#pragma once

#include <Kokkos_Core.hpp>

#include "krate/core/random.hpp"

namespace krate::impl {

struct Box {
  int top, left, height, width;
};

/// Ten tries for a box that fits; then as much of the middle as the sides allow.
KOKKOS_INLINE_FUNCTION Box draw_box(Random const& random, std::uint64_t sample, int height, int width) {
  constexpr int tries = 10;
  constexpr double narrowest = 3.0 / 4, widest = 4.0 / 3, least_area = 0.08;
  double const low = Kokkos::log(narrowest), high = Kokkos::log(widest);
  for (int i = 0; i < tries; ++i) {
    std::uint64_t const at = 4 * (tries * sample + static_cast<std::uint64_t>(i));
    double const area = height * width * (least_area + (1 - least_area) * random.uniform(at)),
                 ratio = Kokkos::exp(low + (high - low) * random.uniform(at + 1));
    int const w = static_cast<int>(Kokkos::round(Kokkos::sqrt(area * ratio))),
              h = static_cast<int>(Kokkos::round(Kokkos::sqrt(area / ratio)));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return {static_cast<int>(random.below(at + 2, static_cast<std::uint64_t>(height - h + 1))),
            static_cast<int>(random.below(at + 3, static_cast<std::uint64_t>(width - w + 1))), h, w};
  }
  int h = height, w = width;
  double const ratio = static_cast<double>(width) / height;
  if (ratio < narrowest) h = static_cast<int>(Kokkos::round(w / narrowest));
  if (ratio > widest) w = static_cast<int>(Kokkos::round(h * widest));
  return {(height - h) / 2, (width - w) / 2, h, w};
}

/// Where pixel `i` of `size` lies among the `part` pixels from `start` on: between two of them.
struct Between {
  int first, second;
  double weight;  ///< of the second
};
KOKKOS_INLINE_FUNCTION Between place_of(int i, int size, int start, int part) {
  double const middle = (i + 0.5) * part / size - 0.5, x = middle < 0 ? 0 : middle > part - 1 ? part - 1 : middle;
  int const first = static_cast<int>(x), second = first + 1 < part ? first + 1 : first;
  return {start + first, start + second, x - first};
}

}  // namespace krate::impl
