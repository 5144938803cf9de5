// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/impl/head_rates_decl.hpp"

namespace krate::impl {

template <class Space>
struct LayerRateScratch {
  Tensor3<double, Space> unit;  ///< [batch, tokens, heads * head_dim] vectors of unit length
  HeadScratch<Space> heads;
  LayerRateScratch(Workspace<Space>& work, std::size_t batch, std::size_t tokens, std::size_t heads,
                   std::size_t head_dim)
      : unit(work.template take<double>(batch, tokens, heads * head_dim)), heads(work, batch, heads, head_dim) {}
};

template <class Space, class T>
struct LayerRates {
  static void coding_rate(Space const& space, ConstTensor3<T, Space> w, std::size_t heads, double eps_squared,
                          Workspace<Space> work, Vector<double, Space> rates);
  static void density(Space const& space, ConstTensor3<T, Space> tokens, Vector<double, Space> density);
  static void unit_tokens(Space const& space, ConstTensor3<T, Space> tokens, Tensor3<T, Space> unit);
  static void unit_tokens_backward(Space const& space, ConstTensor3<T, Space> tokens, ConstTensor3<T, Space> unit,
                                   ConstTensor3<T, Space> dunit, Tensor3<T, Space> dtokens);
  static void descent_cosine(Space const& space, ConstTensor3<T, Space> before, ConstTensor3<T, Space> after,
                             ConstTensor3<T, Space> gradient, Vector<double, Space> cosines);
};

}  // namespace krate::impl
