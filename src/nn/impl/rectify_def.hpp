// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/rectify.hpp"

namespace krate::impl {

/// One work item an element.
template <class Space, class T>
struct ApplyRectify {
  ConstVector<T, Space> x;
  Vector<T, Space> y;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { y(i) = x(i) > T(0) ? x(i) : T(0); }
};

/// The gradient is 0 where the output is.
template <class Space, class T>
struct ApplyRectifyBackward {
  ConstVector<T, Space> y, dy;
  Vector<T, Space> dx;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { dx(i) = y(i) > T(0) ? dy(i) : T(0); }
};

template <class Space, class T>
void Rectify<Space, T>::forward(Space const& space, ConstVector<T, Space> x, Vector<T, Space> y) {
  Kokkos::parallel_for(KRATE_LABEL("krate::rectify"), elements(space, x.size()), ApplyRectify<Space, T>{x, y});
}

template <class Space, class T>
void Rectify<Space, T>::backward(Space const& space, ConstVector<T, Space> y, ConstVector<T, Space> dy,
                                 Vector<T, Space> dx) {
  Kokkos::parallel_for(KRATE_LABEL("krate::rectify_backward"), elements(space, y.size()),
                       ApplyRectifyBackward<Space, T>{y, dy, dx});
}

}  // namespace krate::impl
