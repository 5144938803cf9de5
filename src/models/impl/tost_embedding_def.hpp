// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/linalg/elementwise.hpp"
#include "krate/models/tost_embedding.hpp"
#include "krate/nn/fourier_positions.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"

namespace krate::models {

template <class Space, class T>
TostEmbedding<Space, T>::TostEmbedding(ParameterTable& table, TostConfig const& c) : config_(c), stem_(table, c) {
  std::string const projection = "pos_embeder.token_projection.";  // the authors' spelling
  Initial const start = Initial::linear(fourier_features);
  position_weight_ = table.add("positions/weight", projection + "weight", {c.dim, fourier_features}, start);
  table.set_official_shape(position_weight_, {c.dim, fourier_features, 1, 1});
  position_bias_ = table.add("positions/bias", projection + "bias", {c.dim}, start);
}

template <class Space, class T>
void TostEmbedding<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  stem_.cut(work, batch, pass, state.stem);
  state.features = work.template take<T>(tokens(), fourier_features);
  state.code = work.template take<T>(tokens(), config_.dim);
  state.positions = work.template take<Label>(batch, tokens());
}

template <class Space, class T>
std::size_t TostEmbedding<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t const code = measure<Space>([&](auto& work) { work.template take<T>(tokens(), config_.dim); });
  return std::max(code + linear_backward_workspace<T>(config_.dim), workspace(batch, Pass::training));
}

template <class Space, class T>
void TostEmbedding<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                      ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
                                      Tensor3<T, Space> const& tokens) const {
  state.images = images;
  stem_.forward(space, p, images, state.stem, work, as_rows(tokens));
  fourier_positions(space, config_.grid().height, config_.grid().width, state.features);
  linear(space, state.features, p.value_matrix(position_weight_), p.value(position_bias_), state.code);
  number_tokens(space, 0, state.positions);
  look_up(space, flat_ids<Space>(state.positions), state.code, LookUp::add, as_rows(tokens));
}

template <class Space, class T>
void TostEmbedding<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State& state,
                                       Tensor3<T, Space> const& dtokens, Workspace<Space> work,
                                       Tensor4<T, Space> const& dimages) const {
  {
    auto rest = work;
    auto const dcode = rest.template take<T>(state.code.extent(0), config_.dim);
    fill(space, dcode, T(0));
    look_up_backward(space, flat_ids<Space>(state.positions), as_rows(dtokens), no_padding, dcode);
    linear_backward(space, state.features, p.value_matrix(position_weight_), dcode, rest, Matrix<T, Space>(),
                    p.gradient_matrix(position_weight_), p.gradient(position_bias_));
  }
  stem_.backward(space, p, state.images, state.stem, as_rows(dtokens), work, dimages);
}

}  // namespace krate::models
