// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/attention/impl/tssa_decl.hpp"
#include "krate/attention/token_statistics.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gemm_epilogue.hpp"
#include "krate/linalg/row_reduce.hpp"

namespace krate::impl {

/// Temporaries of the backward pass.
template <class Space, class T>
struct TssaGradients {
  Tensor3<T, Space> attended, dattended, dprojected;
  template <class W>
  static TssaGradients cut(W& work, std::size_t batch, std::size_t tokens, std::size_t inner) {
    auto attended = work.template take<T>(batch, tokens, inner),
         dattended = work.template take<T>(batch, tokens, inner);
    return {attended, dattended, work.template take<T>(batch, tokens, inner)};
  }
};

template <class Space, class T>
std::size_t TssaKernels<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                 TssaOptions const& options) {
  return measure<Space>([&](auto& work) { work.template take<T>(batch, tokens, inner); }) +
         token_statistics_workspace<Space, T>(batch, tokens, inner, options);
}

template <class Space, class T>
std::size_t TssaKernels<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                                  std::size_t dim, TssaOptions const& options) {
  return measure<Space>([&](auto& work) { TssaGradients<Space, T>::cut(work, batch, tokens, inner); }) +
         std::max({token_statistics_backward_workspace<Space, T>(batch, tokens, inner, options),
                   token_statistics_workspace<Space, T>(batch, tokens, inner, options),
                   column_sums_workspace<Space, T>(dim), column_sums_workspace<Space, T>(inner)});
}

template <class Space, class T>
void TssaKernels<Space, T>::forward(Space const& space, ConstTensor3<T, Space> x, TssaParameters<Space, T> const& p,
                                    TssaOptions const& options, Workspace<Space> work, TssaSaved<Space, T> const& saved,
                                    Tensor3<T, Space> y) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::tssa"));
  auto const attended = work.template take<T>(x.extent(0), x.extent(1), p.projection.extent(0));
  gemm(space, "N", "T", as_rows(x), p.projection, {.bias = p.bias}, as_rows(saved.projected));
  token_statistics(space, saved.projected, p.temperature, p.position_bias, options, work, attended, saved.statistics);
  gemm(space, "N", "T", as_rows(attended), p.output, {.bias = p.output_bias}, as_rows(y));
}

template <class Space, class T>
void TssaKernels<Space, T>::backward(Space const& space, ConstTensor3<T, Space> x, TssaParameters<Space, T> const& p,
                                     TssaOptions const& options, TssaSaved<Space, T> const& saved,
                                     ConstTensor3<T, Space> dy, Workspace<Space> work, Tensor3<T, Space> dx,
                                     TssaParameters<Space, T> const& gradients) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::tssa_backward"));
  auto const d = TssaGradients<Space, T>::cut(work, x.extent(0), x.extent(1), p.projection.extent(0));
  // The forward pass again, of the same bits: cheaper than another saved tensor of [batch, tokens, heads * head_dim].
  token_statistics(space, saved.projected, p.temperature, p.position_bias, options, work, d.attended, saved.statistics);
  gemm(space, "N", "N", T(1), as_rows(dy), p.output, T(0), as_rows(d.dattended));
  gemm(space, "T", "N", T(1), as_rows(dy), as_rows(d.attended), T(1), gradients.output);
  if (gradients.output_bias.size() > 0) column_sums(space, as_rows(dy), work, gradients.output_bias);
  token_statistics_backward(space, saved.projected, p.temperature, p.position_bias, options, saved.statistics,
                            d.dattended, work, d.dprojected, gradients.temperature, gradients.position_bias);
  gemm(space, "T", "N", T(1), as_rows(d.dprojected), as_rows(x), T(1), gradients.projection);
  if (gradients.bias.size() > 0) column_sums(space, as_rows(d.dprojected), work, gradients.bias);
  gemm(space, "N", "N", T(1), as_rows(d.dprojected), p.projection, T(0), as_rows(dx));
}

}  // namespace krate::impl
