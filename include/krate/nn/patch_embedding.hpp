// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/patch_embedding_decl.hpp"

namespace krate {

/// In which order the values of a patch follow each other.
enum class PatchOrder {
  channel_last,  ///< row, column, channel
  channel_first  ///< channel, row, column: the weights of a convolution with kernels and strides of a patch
};

struct PatchOptions {
  std::size_t patch_height = 16;
  std::size_t patch_width = 16;
  PatchOrder order = PatchOrder::channel_last;
};

namespace impl {
/// Checks images [batch, channels, height, width] against patches [batch * grid rows * grid columns, patch values].
template <class Images, class Patches>
void require_patches(char const* where, char const* images_name, Images const& images, char const* patches_name,
                     Patches const& patches, PatchOptions const& options) {
  std::size_t const ph = options.patch_height, pw = options.patch_width;
  std::size_t const height = images.extent(2), width = images.extent(3);
  require_value(images.span_is_contiguous(), where, images_name, "strided", "must be contiguous; copy it first");
  require_value(ph > 0, where, "patch_height", ph, "must be positive");
  require_value(pw > 0, where, "patch_width", pw, "must be positive");
  if (height % ph != 0 || width % pw != 0) {
    throw ShapeError(where,
                     std::string(images_name) + " has height and width " +
                         shape_text(std::initializer_list<std::size_t>{height, width}) +
                         ", expected multiples of the patch " + shape_text(std::initializer_list<std::size_t>{ph, pw}) +
                         " (patches do not overlap and cover the image); choose another patch or crop the images");
  }
  require_shape(where, patches_name, patches,
                {images.extent(0) * (height / ph) * (width / pw), ph * pw * images.extent(1)},
                "batch * patches of an image, values of a patch");
}
}  // namespace impl

/// Cuts images into patches, one a row, in raster order over the grid; inside a patch the order is (row, column,
/// channel), channel fastest, unless the options say otherwise. A linear map of the rows makes tokens of them.
/// Source: Yu et al. 2023, "White-Box Transformers via Sparse Rate Reduction"; the order is that of its official code.
/// @param images  [batch, channels, height, width]
/// @param patches  output [batch * grid rows * grid columns, patch_height * patch_width * channels]
/// @throws ShapeError if patches do not divide the image or extents disagree; ValueError if a patch is empty
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: patchify_backward
template <class Space, class Images, class Patches>
void patchify(Space const& space, Images const& images, PatchOptions const& options, Patches const& patches) {
  using T = typename Patches::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_patches("krate::patchify", "images", images, "patches", patches, options);
  impl::PatchEmbedding<Space, T>::forward(space, as_tensor4<Space>(images), options, as_matrix<Space>(patches));
}

/// Gradient of patchify: puts the rows back where they came from. Also makes images of predicted patches.
/// @param dpatches  as `patches` of patchify     @param dimages  [batch, channels, height, width], written
/// @throws ShapeError if patches do not divide the image or extents disagree; ValueError if a patch is empty
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Dpatches, class Dimages>
void patchify_backward(Space const& space, Dpatches const& dpatches, PatchOptions const& options,
                       Dimages const& dimages) {
  using T = typename Dimages::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_patches("krate::patchify_backward", "dimages", dimages, "dpatches", dpatches, options);
  impl::PatchEmbedding<Space, T>::backward(space, as_matrix<Space>(dpatches), options, as_tensor4<Space>(dimages));
}

}  // namespace krate
