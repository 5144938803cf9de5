// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/activation.hpp"

namespace krate::impl {

/// y = x times `slope` where x is not positive: the larger of both, as the slope is at most 1.
template <class Space, class T>
struct ApplySlope {
  ConstVector<T, Space> x;
  T slope;
  Vector<T, Space> y;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T const v = x(i), below = slope * v;
    y(i) = v < below ? below : v;
  }
};
template <class Space, class T>
struct ApplySlopeBackward {
  ConstVector<T, Space> y, dy;
  T slope;
  Vector<T, Space> dx;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T const factor = y(i) > T(0) ? T(1) : slope;
    dx(i) = factor * dy(i);
  }
};
template <class Space, class T>
struct ApplyTanh {
  ConstVector<T, Space> x;
  Vector<T, Space> y;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { y(i) = Kokkos::tanh(x(i)); }
};
template <class Space, class T>
struct ApplyTanhBackward {
  ConstVector<T, Space> y, dy;
  Vector<T, Space> dx;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { dx(i) = (1 - y(i) * y(i)) * dy(i); }
};

template <class Space, class T>
void Activate<Space, T>::forward(Space const& space, Activation kind, ConstVector<T, Space> x, Vector<T, Space> y) {
  auto const& label = KRATE_LABEL("krate::activate");
  if (kind == Activation::tanh)
    return Kokkos::parallel_for(label, elements(space, x.size()), ApplyTanh<Space, T>{x, y});
  T const slope = kind == Activation::leaky ? T(0.2) : T(0);
  Kokkos::parallel_for(label, elements(space, x.size()), ApplySlope<Space, T>{x, slope, y});
}

template <class Space, class T>
void Activate<Space, T>::backward(Space const& space, Activation kind, ConstVector<T, Space> y,
                                  ConstVector<T, Space> dy, Vector<T, Space> dx) {
  auto const& label = KRATE_LABEL("krate::activate_backward");
  if (kind == Activation::tanh)
    return Kokkos::parallel_for(label, elements(space, y.size()), ApplyTanhBackward<Space, T>{y, dy, dx});
  T const slope = kind == Activation::leaky ? T(0.2) : T(0);
  Kokkos::parallel_for(label, elements(space, y.size()), ApplySlopeBackward<Space, T>{y, dy, slope, dx});
}

}  // namespace krate::impl
