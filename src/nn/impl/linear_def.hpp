// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/products.hpp"
#include "krate/linalg/row_reduce.hpp"
#include "krate/nn/linear.hpp"

namespace krate::impl {

template <class Space, class T>
void Linear<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> weight,
                               ConstVector<T, Space> bias, Matrix<T, Space> y, Products products,
                               Workspace<Space> work) {
  if (y.size() == 0) return;
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::linear"));
  multiply(space, products, "N", "T", x, weight, {.bias = bias}, y, work);
}

template <class Space, class T>
void Linear<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> weight,
                                ConstMatrix<T, Space> dy, Workspace<Space> work, Matrix<T, Space> dx,
                                Matrix<T, Space> dweight, Vector<T, Space> dbias, Products products) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::linear_backward"));
  if (products == Products::full) {
    if (dx.size() > 0) gemm(space, "N", "N", T(1), dy, weight, T(0), dx);
    gemm(space, "T", "N", T(1), dy, x, T(1), dweight);
  } else {
    if (dx.size() > 0) multiply(space, products, "N", "N", dy, weight, {}, dx, work);
    multiply(space, products, "T", "N", dy, x, {.addend = dweight}, dweight, work);
  }
  if (dbias.size() > 0) column_sums(space, dy, work, dbias);
}

}  // namespace krate::impl
