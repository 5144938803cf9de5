// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"

namespace krate {

/// What determines the probabilities of attention beside its projection W: with s = head_dim^-1/2,
///     P_ij = 2^(s log2(e) w_i . w_j - shift_i) / sum_i        for each key j that query i sees.
/// Two numbers a row, for large logits leave too few digits in the logarithm of a denominator.
template <class Space, class T>
struct SoftmaxRows {
  Tensor3<T, Space> shift;  ///< [batch, heads, tokens]
  Tensor3<T, Space> sum;    ///< [batch, heads, tokens]; infinite where a query sees no key, so that P is 0

  /// Takes these from a workspace, or measures them.
  template <class W>
  static SoftmaxRows cut(W& work, std::size_t batch, std::size_t heads, std::size_t tokens) {
    auto shift = work.template take<T>(batch, heads, tokens);
    return {shift, work.template take<T>(batch, heads, tokens)};
  }
};

namespace impl {
template <class Space, class T>
void check_softmax_rows(char const* where, SoftmaxRows<Space, T> const& rows, std::size_t batch, std::size_t heads,
                        std::size_t tokens) {
  require_shape(where, "rows.shift", rows.shift, {batch, heads, tokens}, "[batch, heads, tokens]");
  require_shape(where, "rows.sum", rows.sum, {batch, heads, tokens}, "[batch, heads, tokens]");
}
}  // namespace impl

}  // namespace krate
