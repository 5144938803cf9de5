// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/attention/impl/mhsa_decl.hpp"
#include "krate/attention/multi_head_attention.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/products.hpp"
#include "krate/linalg/row_reduce.hpp"

namespace krate::impl {

/// Temporaries of the backward pass.
template <class Space, class T>
struct MhsaGradients {
  Tensor3<T, Space> attended, qkv;
  template <class W>
  static MhsaGradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t inner) {
    auto attended = work.template take<T>(batch, tokens, inner);
    return {attended, work.template take<T>(batch, tokens, 3 * inner)};
  }
};

template <class Space, class T>
std::size_t MhsaKernels<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                 std::size_t dim, MhsaOptions const& options) {
  std::size_t const rows = batch * tokens;
  return std::max({multi_head_attention_workspace<Space, T>(batch, tokens, inner, options.heads),
                   products_workspace<T>(options.products, rows, 3 * inner, dim),
                   products_workspace<T>(options.products, rows, dim, inner)});
}

template <class Space, class T>
std::size_t MhsaKernels<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                  std::size_t dim, MhsaOptions const& options) {
  std::size_t const rows = batch * tokens;
  return measure<Space>([&](auto& work) { MhsaGradients<Space, T>::cut(work, batch, tokens, inner); }) +
         std::max({multi_head_attention_backward_workspace<Space, T>(batch, tokens, inner, options.heads),
                   column_sums_workspace<Space, T>(dim), column_sums_workspace<Space, T>(3 * inner),
                   products_workspace<T>(options.products, dim, inner, rows),
                   products_workspace<T>(options.products, 3 * inner, dim, rows),
                   products_workspace<T>(options.products, rows, 3 * inner, dim),
                   products_workspace<T>(options.products, rows, dim, 3 * inner)});
}

template <class Space, class T>
void MhsaKernels<Space, T>::forward(Space const& space, ConstTensor3<T, Space> x, MhsaParameters<Space, T> const& p,
                                    MhsaOptions const& options, Workspace<Space> work, MhsaSaved<Space, T> const& saved,
                                    Tensor3<T, Space> y, AttentionMask<Space> const& mask,
                                    ConstTensor3<T, Space> residual) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::mhsa"));
  multiply(space, options.products, "N", "T", as_rows(x), p.projection, {.bias = p.bias}, as_rows(saved.qkv), work);
  multi_head_attention(space, saved.qkv, options.heads, work, saved.attended, saved.rows, mask);
  if (p.output.size() > 0) {
    return multiply(space, options.products, "N", "T", as_rows(saved.attended), p.output,
                    {.bias = p.output_bias, .addend = as_rows(residual)}, as_rows(y), work);
  }
  copy(space, saved.attended, y);
  if (residual.size() > 0) add(space, residual, y);
}

template <class Space, class T>
void MhsaKernels<Space, T>::backward(Space const& space, ConstTensor3<T, Space> x, MhsaParameters<Space, T> const& p,
                                     MhsaOptions const& options, MhsaSaved<Space, T> const& saved,
                                     ConstTensor3<T, Space> dy, Workspace<Space> work, Tensor3<T, Space> dx,
                                     MhsaParameters<Space, T> const& gradients, AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::mhsa_backward"));
  auto const d = MhsaGradients<Space, T>::cut(work, x.extent(0), x.extent(1), p.projection.extent(0) / 3);
  if (p.output.size() > 0) {
    multiply(space, options.products, "N", "N", as_rows(dy), p.output, {}, as_rows(d.attended), work);
    multiply(space, options.products, "T", "N", as_rows(dy), as_rows(saved.attended), {.addend = gradients.output},
             gradients.output, work);
    if (gradients.output_bias.size() > 0) column_sums(space, as_rows(dy), work, gradients.output_bias);
  } else {
    copy(space, dy, d.attended);
  }
  multi_head_attention_backward(space, saved.qkv, options.heads, saved.attended, saved.rows, d.attended, work, d.qkv,
                                mask);
  multiply(space, options.products, "T", "N", as_rows(d.qkv), as_rows(x), {.addend = gradients.projection},
           gradients.projection, work);
  if (gradients.bias.size() > 0) column_sums(space, as_rows(d.qkv), work, gradients.bias);
  multiply(space, options.products, "N", "N", as_rows(d.qkv), p.projection, {}, as_rows(dx), work);
}

}  // namespace krate::impl
