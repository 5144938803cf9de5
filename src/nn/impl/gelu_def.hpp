// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/gelu.hpp"
#include "nn/impl/host_gelu.hpp"

namespace krate::impl {

/// The normal distribution function.
template <class T>
KOKKOS_FUNCTION T normal_below(T x) {
  return T(0.5) * (T(1) + Kokkos::erf(x * T(0.70710678118654752440)));
}

/// One work item an element: the form of devices.
template <class Space, class T>
struct ApplyGelu {
  ConstVector<T, Space> x;
  Vector<T, Space> y;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { y(i) = x(i) * normal_below(x(i)); }
};
template <class Space, class T>
struct ApplyGeluBackward {
  ConstVector<T, Space> x, dy;
  Vector<T, Space> dx;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T const density = T(0.39894228040143267794) * Kokkos::exp(T(-0.5) * x(i) * x(i));
    dx(i) = dy(i) * (normal_below(x(i)) + x(i) * density);
  }
};

template <class Space>
auto gelu_pieces(Space const& space, std::size_t size) {
  constexpr auto piece = static_cast<std::size_t>(gelu_piece);
  return elements(space, (size + piece - 1) / piece);
}

template <class Space, class T>
void Gelu<Space, T>::forward(Space const& space, ConstVector<T, Space> x, Vector<T, Space> y) {
  if constexpr (is_device<Space>) {
    Kokkos::parallel_for(KRATE_LABEL("krate::gelu"), elements(space, x.size()), ApplyGelu<Space, T>{x, y});
  } else {
    Kokkos::parallel_for(KRATE_LABEL("krate::gelu"), gelu_pieces(space, x.size()), [x, y](std::int64_t piece) {
      auto const f = [](simd::Vec<T> const& v) { return gelu_of<T>(v); };
      in_vectors(piece, static_cast<std::int64_t>(x.size()), f, y.data(), x.data());
    });
  }
}

template <class Space, class T>
void Gelu<Space, T>::backward(Space const& space, ConstVector<T, Space> x, ConstVector<T, Space> dy,
                              Vector<T, Space> dx) {
  if constexpr (is_device<Space>) {
    Kokkos::parallel_for(KRATE_LABEL("krate::gelu_backward"), elements(space, x.size()),
                         ApplyGeluBackward<Space, T>{x, dy, dx});
  } else {
    Kokkos::parallel_for(
        KRATE_LABEL("krate::gelu_backward"), gelu_pieces(space, x.size()), [x, dy, dx](std::int64_t piece) {
          auto const f = [](simd::Vec<T> const& v, simd::Vec<T> const& d) { return d * gelu_slope<T>(v); };
          in_vectors(piece, static_cast<std::int64_t>(x.size()), f, dx.data(), x.data(), dy.data());
        });
  }
}

}  // namespace krate::impl
