// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate {

/// Images [batch, channels, height, width] in any layout, at zero copy.
template <class T, class Space>
using Pixels = Kokkos::View<T****, Kokkos::LayoutStride, DeviceOf<Space>, impl::Unmanaged>;

namespace impl {

template <class Space, class T>
struct Windows {
  static void forward(Space const& space, Pixels<T const, Space> pixels, Matrix<T, Space> windows);
  static void backward(Space const& space, ConstMatrix<T, Space> dwindows, Pixels<T, Space> dpixels);
};

}  // namespace impl
}  // namespace krate
