// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct SampleKernels {
  static void gather(Space const& space, ConstTensor4<T, Space> images, ConstVector<Label, Space> labels,
                     ConstVector<std::size_t, Space> chosen, Tensor4<T, Space> out, Vector<Label, Space> out_labels);

  /// Moves each image by whole pixels, at most `most` in each direction, and fills up with the background of the
  /// channel. The move depends on (random, number of the sample) only.
  static void shift(Space const& space, ConstTensor4<T, Space> images, ConstVector<std::size_t, Space> numbers,
                    ConstVector<T, Space> background, Random random, int most, Tensor4<T, Space> out);
};

}  // namespace krate::impl
