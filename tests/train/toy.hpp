// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A small problem that a CRATE learns in a few steps: bright squares in one of four corners.
#pragma once

#include "krate/models/crate.hpp"
#include "krate/train/view_source.hpp"
#include "support/array.hpp"

namespace krate::testing {

template <class Space, class T>
struct Toy {
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> images, test_images;
  Kokkos::View<Label*, DeviceOf<Space>> labels, test_labels;
  train::ViewSource<Space, T> source;

  explicit Toy(std::size_t samples, std::size_t tests = 13)
      : images(pictures(samples, 31)),
        test_images(pictures(tests, 32)),
        labels(corners(samples)),
        test_labels(corners(tests)),
        source(images, labels, 4) {
    source.test(test_images, test_labels);
  }

  static models::CrateConfig config() {
    return {.image_size = 8, .patch_size = 4, .channels = 1, .dim = 16, .depth = 2, .heads = 2, .classes = 4};
  }

 private:
  static auto pictures(std::size_t count, std::uint64_t t) {
    Array a = filled(t, {count, 1, 8, 8}, 0.3);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t y = 0; y < 4; ++y)
        for (std::size_t x = 0; x < 4; ++x) a.data[i * 64 + (y + i % 4 / 2 * 4) * 8 + x + i % 2 * 4] += (x + y) % 3;
    return to_view<Space, T, 4>(a);
  }
  static auto corners(std::size_t count) {
    Array a({count});
    for (std::size_t i = 0; i < count; ++i) a(i) = static_cast<double>(i % 4);
    return to_view<Space, Label, 1>(a);
  }
};

}  // namespace krate::testing
