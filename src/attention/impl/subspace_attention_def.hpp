// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/impl/head_loop.hpp"
#include "attention/impl/plain_attention.hpp"
#include "attention/impl/row_maximum_backward.hpp"
#include "attention/impl/symmetric_backward.hpp"
#include "attention/impl/symmetric_forward.hpp"
#include "krate/attention/impl/subspace_attention_decl.hpp"

namespace krate::impl {

template <class Space, class T>
using ForwardLoop = HeadLoop<Space, T, SymmetricForward<T>, RowMaximumForward<T>>;
template <class Space, class T>
using BackwardLoop = HeadLoop<Space, T, SymmetricBackward<T>, RowMaximumBackward<T>>;

/// The padding of a sample; null for none.
template <class Keys>
bool const* keys_of(Keys const& keys, std::size_t sample) {
  return keys.size() > 0 ? &keys(sample, 0) : nullptr;
}

template <class Space, class T>
std::size_t SubspaceAttention<Space, T>::forward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                       std::size_t heads) {
  if constexpr (is_device<Space>) {
    return PlainAttention<Space, T>::forward_bytes(batch, tokens, heads);
  } else {
    return ForwardLoop<Space, T>::bytes(batch, tokens, columns, heads);
  }
}

template <class Space, class T>
std::size_t SubspaceAttention<Space, T>::backward_bytes(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                        std::size_t heads) {
  if constexpr (is_device<Space>) {
    return PlainAttention<Space, T>::backward_bytes(batch, tokens, heads);
  } else {
    return BackwardLoop<Space, T>::bytes(batch, tokens, columns, heads);
  }
}

template <class Space, class T>
void SubspaceAttention<Space, T>::forward(Space const& space, ConstTensor3<T, Space> w, std::size_t heads,
                                          Workspace<Space> work, Tensor3<T, Space> out,
                                          SoftmaxRows<Space, T> const& rows, AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::subspace_attention"));
  if (w.size() == 0) return;
  if constexpr (is_device<Space>) {
    PlainAttention<Space, T>::forward(space, w, heads, work, out, rows, mask);
  } else {
    ForwardLoop<Space, T>(space, w.extent(0), w.extent(1), w.extent(2), heads, mask.mask == Mask::causal, work)
        .run(KRATE_LABEL("krate::mssa::symmetric"), KRATE_LABEL("krate::mssa::row_maximum"),
             [w, out, rows, keys = mask.keys](auto const& form, std::size_t b, std::size_t tokens_at,
                                              std::size_t row_at) {
               return form.run(w.data() + tokens_at, w.extent(2), keys_of(keys, b), out.data() + tokens_at,
                               rows.shift.data() + row_at, rows.sum.data() + row_at);
             });
  }
}

template <class Space, class T>
void SubspaceAttention<Space, T>::backward(Space const& space, ConstTensor3<T, Space> w, std::size_t heads,
                                           ConstTensor3<T, Space> out, SoftmaxRows<Space, T> const& rows,
                                           ConstTensor3<T, Space> dout, Workspace<Space> work, Tensor3<T, Space> dw,
                                           AttentionMask<Space> const& mask) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::subspace_attention_backward"));
  if (w.size() == 0) return;
  if constexpr (is_device<Space>) {
    PlainAttention<Space, T>::backward(space, w, heads, out, rows, dout, work, dw, mask);
  } else {
    BackwardLoop<Space, T>(space, w.extent(0), w.extent(1), w.extent(2), heads, mask.mask == Mask::causal, work)
        .run(KRATE_LABEL("krate::mssa::symmetric_backward"), KRATE_LABEL("krate::mssa::row_maximum_backward"),
             [w, out, rows, dout, dw, keys = mask.keys](auto const& form, std::size_t b, std::size_t tokens_at,
                                                        std::size_t row_at) {
               return form.run(w.data() + tokens_at, w.extent(2), keys_of(keys, b), out.data() + tokens_at,
                               rows.shift.data() + row_at, rows.sum.data() + row_at, dout.data() + tokens_at,
                               dw.data() + tokens_at);
             });
  }
}

}  // namespace krate::impl
