// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/models/class_attention_head.hpp"

namespace krate::models {

template <class Space, class T>
void ClassAttentionHead<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  stack_.cut(work, batch, patches_, pass, state.class_attention);
  head_.cut(work, batch, pass, state);
}

template <class Space, class T>
std::size_t ClassAttentionHead<Space, T>::backward_workspace(std::size_t batch) const {
  return std::max(head_.backward_workspace(batch), stack_.backward_workspace(batch, patches_));
}

template <class Space, class T>
void ClassAttentionHead<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                           Tensor3<T, Space> const& tokens, State& state, Workspace<Space> work) const {
  stack_.forward(space, p, tokens, state.class_attention, work);
  head_.forward(space, p, state.class_attention.tokens.back(), state, work);
}

template <class Space, class T>
void ClassAttentionHead<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State& state,
                                            ConstMatrix<T, Space> const& dfeatures, Workspace<Space> work,
                                            Tensor3<T, Space> const& dtokens) const {
  head_.backward(space, p, state, dfeatures, work, state.class_attention.gradient);
  stack_.backward(space, p, state.class_attention, work, dtokens);
}

}  // namespace krate::models
