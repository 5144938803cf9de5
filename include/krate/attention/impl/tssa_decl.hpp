// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/token_statistics_decl.hpp"

namespace krate {

/// What tssa() leaves for tssa_backward().
template <class Space, class T>
struct TssaSaved {
  Tensor3<T, Space> projected;  ///< W [batch, tokens, heads * head_dim]
  TokenStatistics<Space, T> statistics;

  /// Takes these from a workspace, or measures them.
  template <class W>
  static TssaSaved cut(W& work, std::size_t batch, std::size_t tokens, std::size_t inner, TssaOptions const& options) {
    auto projected = work.template take<T>(batch, tokens, inner);
    return {projected, TokenStatistics<Space, T>::cut(work, batch, tokens, inner, options)};
  }
};

/// Parameters of a TSSA layer, or their gradients.
template <class Space, class T>
struct TssaParameters {
  Matrix<T, Space> projection;     ///< U [heads * head_dim, dim]
  Vector<T, Space> bias;           ///< bU [heads * head_dim], or [0] for none
  Vector<T, Space> temperature;    ///< [heads]
  Matrix<T, Space> position_bias;  ///< causal: [heads, positions], or [0, 0] for none
  Matrix<T, Space> output;         ///< B [dim, heads * head_dim]
  Vector<T, Space> output_bias;    ///< b [dim], or [0] for none
};

namespace impl {

template <class Space, class T>
struct TssaKernels {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner,
                                   TssaOptions const& options);
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    TssaOptions const& options);
  static void forward(Space const& space, ConstTensor3<T, Space> x, TssaParameters<Space, T> const& parameters,
                      TssaOptions const& options, Workspace<Space> work, TssaSaved<Space, T> const& saved,
                      Tensor3<T, Space> y);
  static void backward(Space const& space, ConstTensor3<T, Space> x, TssaParameters<Space, T> const& parameters,
                       TssaOptions const& options, TssaSaved<Space, T> const& saved, ConstTensor3<T, Space> dy,
                       Workspace<Space> work, Tensor3<T, Space> dx, TssaParameters<Space, T> const& gradients);
};

}  // namespace impl
}  // namespace krate
