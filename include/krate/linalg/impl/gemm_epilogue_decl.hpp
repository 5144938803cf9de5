// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate {

/// What happens to each element of a product before it is stored.
template <class Space, class T>
struct Epilogue {
  ConstVector<T, Space> bias = {};  ///< [columns], added to each row; empty: none
  ConstMatrix<T, Space> addend =
      {};                ///< [rows, columns], added; it may be C, and must not overlap it else; empty: none
  T shift = 0;           ///< added to all elements
  bool rectify = false;  ///< then max(0, .); NaN stays NaN
};

namespace impl {

template <class Space, class T>
struct GemmEpilogue {
  static void run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b,
                  Epilogue<Space, T> const& epilogue, Matrix<T, Space> c, Route route);
};

}  // namespace impl
}  // namespace krate
