// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/impl/rate_parts_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct CodingRate {
  static void value(Space const& space, ConstStrided<T, Space> z, double alpha, Workspace<Space> work,
                    Value<double, Space> rate, Route route);
  static void gradient(Space const& space, ConstStrided<T, Space> z, double alpha, Workspace<Space> work,
                       Value<double, Space> rate, Strided<T, Space> gradient, Route route);
};

}  // namespace krate::impl
