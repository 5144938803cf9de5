// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

/// How training images are changed at random, each by itself, in this order.
struct Moves {
  bool crop = false, flip = false;
  int shift = 0;
  bool any() const { return crop || flip || shift > 0; }
};

template <class Space, class T>
struct SampleKernels {
  static void gather(Space const& space, ConstTensor4<T, Space> images, ConstVector<Label, Space> labels,
                     ConstVector<std::size_t, Space> chosen, Tensor4<T, Space> out, Vector<Label, Space> out_labels);

  /// `crop`: a part of the image, of 8 % to 100 % of its area and of sides 3 : 4 to 4 : 3, in the place of the whole,
  /// values between pixels bilinear; the source is Szegedy et al. 2015, "Going deeper with convolutions", section 6.
  /// `flip`: left and right exchanged, or not. `shift`: by whole pixels, at most so many in each direction, filled up
  /// with the background of the channel. What happens to a sample depends on (seed, epoch, its number) only.
  static void move(Space const& space, ConstTensor4<T, Space> images, ConstVector<std::size_t, Space> numbers,
                   ConstVector<T, Space> background, Seed seed, std::uint32_t epoch, Moves moves,
                   Tensor4<T, Space> out);
};

}  // namespace krate::impl
