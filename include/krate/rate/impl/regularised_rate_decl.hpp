// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

/// What turns rates into the regularised objective.
template <class Space, class T>
struct RegularisedRate {
  /// value = weight rates(0) - rates(1) - lambda / 2 |z|^2     @param squares  scratch, one number a row of z
  static void value(Space const& space, ConstStrided<T, Space> z, double weight, double lambda,
                    ConstVector<double, Space> rates, Vector<double, Space> squares, Value<double, Space> value);
  /// total = weight total - parts - lambda z
  static void combine(Space const& space, ConstStrided<T, Space> z, double weight, double lambda,
                      ConstMatrix<T, Space> parts, Strided<T, Space> total);
};

}  // namespace krate::impl
