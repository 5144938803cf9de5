// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/attention/impl/mssa_decl.hpp"
#include "krate/attention/subspace_attention.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/products.hpp"
#include "krate/linalg/row_reduce.hpp"

namespace krate::impl {

template <class Space, class T>
struct MssaGradients {
  Tensor3<T, Space> attended, projected;
  template <class W>
  static MssaGradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t inner) {
    auto attended = work.template take<T>(batch, tokens, inner);
    return {attended, work.template take<T>(batch, tokens, inner)};
  }
};

template <class Space, class T>
std::size_t MssaKernels<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                 std::size_t dim, MssaOptions const& options) {
  std::size_t const rows = batch * tokens;
  return std::max({subspace_attention_workspace<Space, T>(batch, tokens, inner, options.heads),
                   products_workspace<T>(options.products, rows, inner, dim),
                   products_workspace<T>(options.products, rows, dim, inner)});
}

template <class Space, class T>
std::size_t MssaKernels<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                  std::size_t dim, MssaOptions const& options) {
  std::size_t const rows = batch * tokens;
  return measure<Space>([&](auto& work) { MssaGradients<Space, T>::cut(work, batch, tokens, inner); }) +
         std::max({subspace_attention_backward_workspace<Space, T>(batch, tokens, inner, options.heads),
                   column_sums_workspace<Space, T>(dim), products_workspace<T>(options.products, dim, inner, rows),
                   products_workspace<T>(options.products, rows, inner, dim),
                   products_workspace<T>(options.products, rows, dim, inner)});
}

template <class Space, class T>
void MssaKernels<Space, T>::forward(Space const& space, ConstTensor3<T, Space> x, ConstMatrix<T, Space> projection,
                                    ConstMatrix<T, Space> output, ConstVector<T, Space> bias,
                                    MssaOptions const& options, Workspace<Space> work, Tensor3<T, Space> projected,
                                    Tensor3<T, Space> attended, SoftmaxRows<Space, T> const& rows, Tensor3<T, Space> y,
                                    AttentionMask<Space> const& mask, ConstTensor3<T, Space> residual) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::mssa"));
  multiply(space, options.products, "N", "T", as_rows(x), projection, {}, as_rows(projected), work);
  subspace_attention(space, projected, options.heads, work, attended, rows, mask);
  if (output.size() > 0) {
    return multiply(space, options.products, "N", "T", as_rows(attended), output,
                    {.bias = bias, .addend = as_rows(residual)}, as_rows(y), work);
  }
  copy(space, attended, y);
  if (residual.size() > 0) add(space, residual, y);
}

template <class Space, class T>
void MssaKernels<Space, T>::backward(Space const& space, ConstTensor3<T, Space> x, ConstMatrix<T, Space> projection,
                                     ConstMatrix<T, Space> output, MssaOptions const& options,
                                     ConstTensor3<T, Space> projected, ConstTensor3<T, Space> attended,
                                     SoftmaxRows<Space, T> const& rows, ConstTensor3<T, Space> dy,
                                     Workspace<Space> work, Tensor3<T, Space> dx, Matrix<T, Space> dprojection,
                                     Matrix<T, Space> doutput, Vector<T, Space> dbias,
                                     AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::mssa_backward"));
  auto const d = MssaGradients<Space, T>::cut(work, x.extent(0), x.extent(1), projection.extent(0));
  if (output.size() > 0) {
    multiply(space, options.products, "N", "N", as_rows(dy), output, {}, as_rows(d.attended), work);
    multiply(space, options.products, "T", "N", as_rows(dy), as_rows(attended), {.addend = doutput}, doutput, work);
    if (dbias.size() > 0) column_sums(space, as_rows(dy), work, dbias);
  } else {
    copy(space, dy, d.attended);
  }
  subspace_attention_backward(space, projected, options.heads, attended, rows, d.attended, work, d.projected, mask);
  multiply(space, options.products, "T", "N", as_rows(d.projected), as_rows(x), {.addend = dprojection}, dprojection,
           work);
  multiply(space, options.products, "N", "N", as_rows(d.projected), projection, {}, as_rows(dx), work);
}

}  // namespace krate::impl
