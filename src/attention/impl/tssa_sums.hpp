// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the samples of a batch add to the gradients of token statistics' parameters, in order.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct TemperatureGradient {
  ConstMatrix<T, Space> of_samples;
  Vector<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t h) const {
    T sum = 0;
    for (std::size_t b = 0; b < of_samples.extent(0); ++b) sum += of_samples(b, h);
    to(h) += sum;
  }
};

template <class Space, class T>
struct PositionBiasGradient {
  ConstTensor3<T, Space> dlogits;
  ConstVector<T, Space> temperature;
  T features;
  Matrix<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    auto const n = static_cast<std::int64_t>(dlogits.extent(2)), h = index / n, t = index % n;
    T sum = 0;
    for (std::size_t b = 0; b < dlogits.extent(0); ++b) sum += dlogits(b, h, t);
    to(h, t) += features * temperature(h) * sum;
  }
};

/// @param of_samples  [batch, heads]
template <class Space, class T>
void add_temperature_gradient(Space const& space, ConstMatrix<T, Space> of_samples, Vector<T, Space> to) {
  Kokkos::parallel_for(KRATE_LABEL("krate::tssa::temperature_gradient"), elements(space, to.extent(0)),
                       TemperatureGradient<Space, T>{of_samples, to});
}
/// @param dlogits  [batch, heads, tokens]
template <class Space, class T>
void add_position_bias_gradient(Space const& space, ConstTensor3<T, Space> dlogits, ConstVector<T, Space> temperature,
                                std::size_t features, Matrix<T, Space> to) {
  if (to.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::tssa::position_bias_gradient"),
                       elements(space, dlogits.extent(1) * dlogits.extent(2)),
                       PositionBiasGradient<Space, T>{dlogits, temperature, static_cast<T>(features), to});
}

}  // namespace krate::impl
