// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/patch_embedding.hpp"

namespace krate::impl {

/// One work item: one row of pixels of one patch; it copies from the images or back to them.
template <class Images, class Patches, bool to_patches>
struct MovePatchRow {
  Images images;
  Patches patches;
  std::int64_t patch_height, patch_width;
  bool channel_first;
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const channels = static_cast<std::int64_t>(images.extent(1));
    auto const grid_height = static_cast<std::int64_t>(images.extent(2)) / patch_height;
    auto const grid_width = static_cast<std::int64_t>(images.extent(3)) / patch_width;
    std::int64_t const patch = item / patch_height, row = item % patch_height;
    std::int64_t const grid_column = patch % grid_width, grid_row = patch / grid_width % grid_height;
    std::int64_t const image = patch / (grid_width * grid_height);
    std::int64_t const y = grid_row * patch_height + row;
    for (std::int64_t column = 0; column < patch_width; ++column) {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        std::int64_t const k = channel_first ? (channel * patch_height + row) * patch_width + column
                                             : (row * patch_width + column) * channels + channel;
        std::int64_t const x = grid_column * patch_width + column;
        if constexpr (to_patches) {
          patches(patch, k) = images(image, channel, y, x);
        } else {
          images(image, channel, y, x) = patches(patch, k);
        }
      }
    }
  }
};

template <class Space, class T>
void PatchEmbedding<Space, T>::forward(Space const& space, ConstTensor4<T, Space> images, PatchOptions const& options,
                                       Matrix<T, Space> patches) {
  using Move = MovePatchRow<ConstTensor4<T, Space>, Matrix<T, Space>, true>;
  Kokkos::parallel_for(
      KRATE_LABEL("krate::patchify::gather"), elements(space, patches.extent(0) * options.patch_height),
      Move{images, patches, static_cast<std::int64_t>(options.patch_height),
           static_cast<std::int64_t>(options.patch_width), options.order == PatchOrder::channel_first});
}

template <class Space, class T>
void PatchEmbedding<Space, T>::backward(Space const& space, ConstMatrix<T, Space> dpatches, PatchOptions const& options,
                                        Tensor4<T, Space> dimages) {
  using Move = MovePatchRow<Tensor4<T, Space>, ConstMatrix<T, Space>, false>;
  Kokkos::parallel_for(
      KRATE_LABEL("krate::patchify::scatter"), elements(space, dpatches.extent(0) * options.patch_height),
      Move{dimages, dpatches, static_cast<std::int64_t>(options.patch_height),
           static_cast<std::int64_t>(options.patch_width), options.order == PatchOrder::channel_first});
}

}  // namespace krate::impl
