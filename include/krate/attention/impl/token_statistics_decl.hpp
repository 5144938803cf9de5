// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/attention_mask.hpp"
#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate {

struct TssaOptions {
  std::size_t heads = 1;  ///< number of subspaces K; divides the columns of W
  Mask mask = Mask::none;
};

/// What token_statistics() leaves for its backward pass beside W.
template <class Space, class T>
struct TokenStatistics {
  Tensor3<T, Space> membership;  ///< Pi [batch, heads, tokens]
  Matrix<T, Space> energy;       ///< sigma [batch, heads * head_dim]; causal: [batch, 0]
  Matrix<T, Space> moment;       ///< m [batch, heads * head_dim]; causal: [batch, 0]

  /// Takes these from a workspace, or measures them.
  template <class W>
  static TokenStatistics cut(W& work, std::size_t batch, std::size_t tokens, std::size_t columns,
                             TssaOptions const& options) {
    std::size_t const kept = options.mask == Mask::causal ? 0 : columns;
    auto membership = work.template take<T>(batch, options.heads, tokens);
    auto energy = work.template take<T>(batch, kept);
    return {membership, energy, work.template take<T>(batch, kept)};
  }
};

namespace impl {

/// What the shapes must fulfil, in words of the caller.
void check_tssa(char const* where, std::size_t columns, std::size_t tokens, TssaOptions const& options,
                std::size_t bias_rows, std::size_t bias_columns);

template <class Space, class T>
void check_token_statistics(char const* where, TokenStatistics<Space, T> const& saved, std::size_t batch,
                            std::size_t tokens, std::size_t columns, TssaOptions const& options) {
  std::size_t const kept = options.mask == Mask::causal ? 0 : columns;
  require_shape(where, "saved.membership", saved.membership, {batch, options.heads, tokens}, "[batch, heads, tokens]");
  require_shape(where, "saved.energy", saved.energy, {batch, kept},
                "[batch, heads * head_dim], or [batch, 0] if causal");
  require_shape(where, "saved.moment", saved.moment, {batch, kept},
                "[batch, heads * head_dim], or [batch, 0] if causal");
}

template <class Space, class T>
struct TokenStatisticsKernels {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                   TssaOptions const& options);
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                    TssaOptions const& options);
  static void forward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                      ConstMatrix<T, Space> bias, TssaOptions const& options, Workspace<Space> work,
                      Tensor3<T, Space> out, TokenStatistics<Space, T> const& saved);
  static void backward(Space const& space, ConstTensor3<T, Space> w, ConstVector<T, Space> temperature,
                       ConstMatrix<T, Space> bias, TssaOptions const& options, TokenStatistics<Space, T> const& saved,
                       ConstTensor3<T, Space> dout, Workspace<Space> work, Tensor3<T, Space> dw,
                       Vector<T, Space> dtemperature, Matrix<T, Space> dbias);
};

}  // namespace impl
}  // namespace krate
