// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/pixels_decl.hpp"

namespace krate {

/// Images with their channels last, value * scale + bias: what convolutions read.
/// @param images  [batch, channels, height, width]     @param pixels  [batch * height * width, channels], written
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Images, class P>
void images_to_pixels(Space const& space, Images const& images, typename P::value_type scale,
                      typename P::value_type bias, P const& pixels) {
  using T = typename P::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::images_to_pixels", "pixels", pixels,
                {images.extent(0) * images.extent(2) * images.extent(3), images.extent(1)}, "a row a pixel");
  impl::Pixels<Space, T>::of_images(space, as_tensor4<Space>(images), scale, bias, as_matrix<Space>(pixels));
}

/// The other way round, with a scale and bias of its own. @throws ShapeError if extents disagree
template <class Space, class P, class Images>
void pixels_to_images(Space const& space, P const& pixels, typename Images::value_type scale,
                      typename Images::value_type bias, Images const& images) {
  using T = typename Images::value_type;
  require_shape("krate::pixels_to_images", "pixels", pixels,
                {images.extent(0) * images.extent(2) * images.extent(3), images.extent(1)}, "a row a pixel");
  impl::Pixels<Space, T>::to_images(space, as_matrix<Space>(pixels), scale, bias, as_tensor4<Space>(images));
}

}  // namespace krate
