// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/windows_decl.hpp"

namespace krate {

/// Rows of pixels [batch * height * width, channels] as images; zero copy.
template <class Space, class T>
Pixels<T, Space> as_pixels(Matrix<T, Space> const& rows, std::size_t height, std::size_t width) {
  std::size_t const channels = rows.extent(1), area = height * width, batch = area > 0 ? rows.extent(0) / area : 0;
  return Pixels<T, Space>(rows.data(), Kokkos::LayoutStride(batch, area * channels, channels, 1, height,
                                                            width * channels, width, channels));
}
/// Images that lie channel by channel; zero copy.
template <class Space, class T>
Pixels<T, Space> as_pixels(Tensor4<T, Space> const& images) {
  std::size_t const c = images.extent(1), h = images.extent(2), w = images.extent(3);
  return Pixels<T, Space>(images.data(), Kokkos::LayoutStride(images.extent(0), c * h * w, c, h * w, h, w, w, 1));
}

/// How many windows there are along an extent of so many pixels.
inline std::size_t windows_along(std::size_t pixels) {
  return (pixels + 1) / 2;
}

/// What convolutions of 3 x 3 with stride 2 and padding 1 see of images, so that they become products:
///     windows[(b, i, j), (c, v, u)] = pixels[b, c, 2 i + v - 1, 2 j + u - 1], 0 outside
/// Source: Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for document processing".
/// @param pixels   [batch, channels, height, width], see as_pixels()
/// @param windows  [batch * windows_along(height) * windows_along(width), channels * 9], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: gather_windows_backward
template <class Space, class T>
void gather_windows(Space const& space, Pixels<T, Space> const& pixels,
                    Matrix<std::remove_const_t<T>, Space> const& windows) {
  using Scalar = std::remove_const_t<T>;
  static_assert(is_instantiated<Space, Scalar>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape(
      "krate::gather_windows", "windows", windows,
      {pixels.extent(0) * windows_along(pixels.extent(2)) * windows_along(pixels.extent(3)), pixels.extent(1) * 9},
      "a row a window, 9 numbers a channel");
  impl::Windows<Space, Scalar>::forward(space, pixels, windows);
}

/// Gradient of gather_windows: each pixel takes from the windows that saw it.
/// @param dwindows  as windows     @param dpixels  [batch, channels, height, width], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class T>
void gather_windows_backward(Space const& space, Matrix<T, Space> const& dwindows,
                             Pixels<std::remove_const_t<T>, Space> const& dpixels) {
  using Scalar = std::remove_const_t<T>;
  require_shape(
      "krate::gather_windows_backward", "dwindows", dwindows,
      {dpixels.extent(0) * windows_along(dpixels.extent(2)) * windows_along(dpixels.extent(3)), dpixels.extent(1) * 9},
      "a row a window, 9 numbers a channel");
  impl::Windows<Space, Scalar>::backward(space, dwindows, dpixels);
}

}  // namespace krate
