// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/optim/lion.hpp"
#include "optim/impl/stretches.hpp"
#include "optim/impl/sweep.hpp"

namespace krate::impl {

template <class Space, class T>
struct LionElement {
  Vector<T, Space> gradient, value, momentum;
  T keep;  ///< 1 - learning_rate * weight_decay
  T rate;
  T beta1, beta2;
  T rest1, rest2;  ///< 1 - beta
  bool zero;       ///< the gradient afterwards
  KOKKOS_FORCEINLINE_FUNCTION void operator()(std::int64_t i, T gradient_scale) const {
    T const g = gradient_scale * gradient(i), m = momentum(i);
    T const c = beta1 * m + rest1 * g;
    T const sign = c > T(0) ? T(1) : c < T(0) ? T(-1) : c;  // c is 0 or NaN
    value(i) = keep * value(i) - rate * sign;
    momentum(i) = beta2 * m + rest2 * g;
    if (zero) gradient(i) = T(0);
  }
};

template <class Space, class T>
void LionUpdate<Space, T>::run(Space const& space, optim::Lion const& rule, double learning_rate,
                               ParameterList<Space, T> const& list, Value<T const, Space> gradient_scale,
                               Vector<T, Space> momentum, optim::Gradients gradients, std::span<double const> rates) {
  for_each_stretch(list, rates, [&](auto const& segment, double factor) {
    double const rate = learning_rate * factor;
    LionElement<Space, T> const element{segment.gradient,
                                        segment.value,
                                        state_of(segment, momentum),
                                        static_cast<T>(segment.decay ? 1 - rate * rule.weight_decay : 1.0),
                                        static_cast<T>(rate),
                                        static_cast<T>(rule.beta1),
                                        static_cast<T>(rule.beta2),
                                        static_cast<T>(1 - rule.beta1),
                                        static_cast<T>(1 - rule.beta2),
                                        gradients == optim::Gradients::zero};
    sweep(space, KRATE_LABEL("krate::optim::lion"), segment.value.extent(0), gradient_scale, element);
  });
}

}  // namespace krate::impl
