// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/pixels.hpp"

namespace krate::impl {

/// One work item a pixel, as below.
template <class Space, class T>
struct ChannelsLast {
  ConstTensor4<T, Space> images;
  T scale, bias;
  Matrix<T, Space> pixels;
  KOKKOS_FUNCTION void operator()(std::int64_t p) const {
    auto const width = static_cast<std::int64_t>(images.extent(3)),
               size = static_cast<std::int64_t>(images.extent(2)) * width;
    for (std::size_t c = 0; c < images.extent(1); ++c)
      pixels(p, c) = scale * images(p / size, c, p % size / width, p % width) + bias;
  }
};
template <class Space, class T>
struct ChannelsFirst {
  ConstMatrix<T, Space> pixels;
  T scale, bias;
  Tensor4<T, Space> images;
  KOKKOS_FUNCTION void operator()(std::int64_t p) const {
    auto const width = static_cast<std::int64_t>(images.extent(3)),
               size = static_cast<std::int64_t>(images.extent(2)) * width;
    for (std::size_t c = 0; c < images.extent(1); ++c)
      images(p / size, c, p % size / width, p % width) = scale * pixels(p, c) + bias;
  }
};

template <class Space, class T>
void Pixels<Space, T>::of_images(Space const& space, ConstTensor4<T, Space> images, T scale, T bias,
                                 Matrix<T, Space> pixels) {
  Kokkos::parallel_for(KRATE_LABEL("krate::images_to_pixels"), elements(space, pixels.extent(0)),
                       ChannelsLast<Space, T>{images, scale, bias, pixels});
}

template <class Space, class T>
void Pixels<Space, T>::to_images(Space const& space, ConstMatrix<T, Space> pixels, T scale, T bias,
                                 Tensor4<T, Space> images) {
  Kokkos::parallel_for(KRATE_LABEL("krate::pixels_to_images"), elements(space, pixels.extent(0)),
                       ChannelsFirst<Space, T>{pixels, scale, bias, images});
}

}  // namespace krate::impl
