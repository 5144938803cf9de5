// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct FirstNotFinite {
  /// Place row * columns + column of the first entry of z, by rows, that is NaN or infinite; -1 if there is none.
  /// Waits.
  static std::int64_t find(Space const& space, ConstStrided<T, Space> z);
};

}  // namespace krate::impl
