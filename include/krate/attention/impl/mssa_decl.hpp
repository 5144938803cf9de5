// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/attention_mask.hpp"
#include "krate/attention/softmax_rows.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate {

struct MssaOptions {
  std::size_t heads = 1;               ///< number of subspaces K; divides the rows of the projection
  Products products = Products::full;  ///< of those with U and B; attention itself keeps the scalar
};

namespace impl {

/// What the shapes of an MSSA layer must fulfil, in words of its caller.
void check_mssa(char const* where, std::size_t inner, std::size_t heads, std::size_t dim, std::size_t output_rows,
                std::size_t output_columns, std::size_t bias);

template <class Space, class T>
struct MssaKernels {
  static std::size_t forward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                   MssaOptions const& options);
  static std::size_t backward_bytes(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    MssaOptions const& options);
  static void forward(Space const& space, ConstTensor3<T, Space> x, ConstMatrix<T, Space> projection,
                      ConstMatrix<T, Space> output, ConstVector<T, Space> bias, MssaOptions const& options,
                      Workspace<Space> work, Tensor3<T, Space> projected, Tensor3<T, Space> attended,
                      SoftmaxRows<Space, T> const& rows, Tensor3<T, Space> y, AttentionMask<Space> const& mask,
                      ConstTensor3<T, Space> residual);
  static void backward(Space const& space, ConstTensor3<T, Space> x, ConstMatrix<T, Space> projection,
                       ConstMatrix<T, Space> output, MssaOptions const& options, ConstTensor3<T, Space> projected,
                       ConstTensor3<T, Space> attended, SoftmaxRows<Space, T> const& rows, ConstTensor3<T, Space> dy,
                       Workspace<Space> work, Tensor3<T, Space> dx, Matrix<T, Space> dprojection,
                       Matrix<T, Space> doutput, Vector<T, Space> dbias, AttentionMask<Space> const& mask);
};

}  // namespace impl
}  // namespace krate
