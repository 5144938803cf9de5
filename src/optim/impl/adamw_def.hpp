// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/core/label.hpp"
#include "krate/optim/adamw.hpp"
#include "optim/impl/stretches.hpp"
#include "optim/impl/sweep.hpp"

namespace krate::impl {

/// x, but 0 for numbers below the normal range: without a gradient moments shrink until they are there, for good, and a
/// processor can need a hundred cycles for each.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T normal_or_zero(T x) {
  return Kokkos::abs(x) < Kokkos::Experimental::norm_min_v<T> ? T(0) : x;
}

template <class Space, class T>
struct AdamWElement {
  Vector<T, Space> gradient, value, first, second;
  T keep;  ///< 1 - learning_rate * weight_decay
  T beta1, beta2;
  T rest1, rest2;  ///< 1 - beta
  T rate;          ///< learning_rate / (1 - beta1^step)
  T root;          ///< (1 - beta2^step)^(-1/2)
  T epsilon;
  bool zero;  ///< the gradient afterwards
  KOKKOS_FORCEINLINE_FUNCTION void operator()(std::int64_t i, T gradient_scale) const {
    T const g = gradient_scale * gradient(i);
    T const m = normal_or_zero(beta1 * first(i) + rest1 * g);
    T const v = normal_or_zero(beta2 * second(i) + rest2 * g * g);
    first(i) = m;
    second(i) = v;
    value(i) = keep * value(i) - rate * m / (Kokkos::sqrt(v) * root + epsilon);
    if (zero) gradient(i) = T(0);
  }
};

template <class Space, class T>
void AdamWUpdate<Space, T>::run(Space const& space, optim::AdamW const& rule, double learning_rate, std::int64_t step,
                                ParameterList<Space, T> const& list, Value<T const, Space> gradient_scale,
                                Vector<T, Space> first_moment, Vector<T, Space> second_moment,
                                optim::Gradients gradients, std::span<double const> rates) {
  auto const power = static_cast<double>(step);
  double const correction1 = 1 - std::pow(rule.beta1, power), correction2 = 1 - std::pow(rule.beta2, power);
  for_each_stretch(list, rates, [&](auto const& segment, double factor) {
    double const rate = learning_rate * factor;
    AdamWElement<Space, T> const element{segment.gradient,
                                         segment.value,
                                         state_of(segment, first_moment),
                                         state_of(segment, second_moment),
                                         static_cast<T>(segment.decay ? 1 - rate * rule.weight_decay : 1.0),
                                         static_cast<T>(rule.beta1),
                                         static_cast<T>(rule.beta2),
                                         static_cast<T>(1 - rule.beta1),
                                         static_cast<T>(1 - rule.beta2),
                                         static_cast<T>(rate / correction1),
                                         static_cast<T>(1 / std::sqrt(correction2)),
                                         static_cast<T>(rule.epsilon),
                                         gradients == optim::Gradients::zero};
    sweep(space, KRATE_LABEL("krate::optim::adamw"), segment.value.extent(0), gradient_scale, element);
  });
}

}  // namespace krate::impl
