// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/impl/conv_code_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct ConvSolve {
  static std::size_t norm_bytes(ConvShape const& shape);
  static void norm(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> dict, std::size_t iterations,
                   Workspace<Space> work, Matrix<T, Space> vector, Value<double, Space> square);
  static std::size_t implicit_bytes(ConvShape const& shape);
  static void implicit(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                       double mu, ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode, std::size_t iterations,
                       Workspace<Space> work, Matrix<T, Space> dx, Matrix<T, Space> ddict);
};

}  // namespace krate::impl
