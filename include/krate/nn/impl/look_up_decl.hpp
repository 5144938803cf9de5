// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"

namespace krate {

/// Whether look_up() writes its output or adds to it.
enum class LookUp { write, add };

namespace impl {

template <class Space, class T>
struct TableLookUp {
  static void forward(Space const& space, ConstVector<Label, Space> ids, ConstMatrix<T, Space> table, LookUp how,
                      Matrix<T, Space> out);
  static void backward(Space const& space, ConstVector<Label, Space> ids, ConstMatrix<T, Space> dout, Label padding,
                       Matrix<T, Space> dtable);
};

}  // namespace impl
}  // namespace krate
