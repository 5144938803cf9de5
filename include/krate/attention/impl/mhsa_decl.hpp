// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/multi_head_attention_decl.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate {

struct MhsaOptions {
  std::size_t heads = 1;
  Products products = Products::full;  ///< of those with the maps; attention itself keeps the scalar
};

/// What mhsa() leaves for mhsa_backward().
template <class Space, class T>
struct MhsaSaved {
  Tensor3<T, Space> qkv;       ///< [batch, tokens, 3 * heads * head_dim]
  Tensor3<T, Space> attended;  ///< [batch, tokens, heads * head_dim]: O
  SoftmaxRows<Space, T> rows;  ///< of each head's probabilities

  /// Takes these from a workspace, or measures them.
  template <class W>
  static MhsaSaved cut(W& work, std::size_t batch, std::size_t tokens, std::size_t heads, std::size_t inner) {
    auto qkv = work.template take<T>(batch, tokens, 3 * inner), attended = work.template take<T>(batch, tokens, inner);
    return {qkv, attended, SoftmaxRows<Space, T>::cut(work, batch, heads, tokens)};
  }
};

/// Parameters of a layer of multi-head self-attention, or their gradients.
template <class Space, class T>
struct MhsaParameters {
  Matrix<T, Space> projection;   ///< A [3 * heads * head_dim, dim]: of queries, keys, values
  Vector<T, Space> bias;         ///< a [3 * heads * head_dim], or [0] for none
  Matrix<T, Space> output;       ///< B [dim, heads * head_dim], or [0, 0] for none (then heads * head_dim = dim)
  Vector<T, Space> output_bias;  ///< b [dim], or [0] for none
};

namespace impl {

template <class Space, class T>
struct MhsaKernels {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                   MhsaOptions const& options);
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    MhsaOptions const& options);
  static void forward(Space const& space, ConstTensor3<T, Space> x, MhsaParameters<Space, T> const& parameters,
                      MhsaOptions const& options, Workspace<Space> work, MhsaSaved<Space, T> const& saved,
                      Tensor3<T, Space> y, AttentionMask<Space> const& mask, ConstTensor3<T, Space> residual);
  static void backward(Space const& space, ConstTensor3<T, Space> x, MhsaParameters<Space, T> const& parameters,
                       MhsaOptions const& options, MhsaSaved<Space, T> const& saved, ConstTensor3<T, Space> dy,
                       Workspace<Space> work, Tensor3<T, Space> dx, MhsaParameters<Space, T> const& gradients,
                       AttentionMask<Space> const& mask);
};

}  // namespace impl
}  // namespace krate
