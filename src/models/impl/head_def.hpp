// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/models/head.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"

namespace krate::models {

template <class Space, class T>
ClassifierHead<Space, T>::ClassifierHead(ParameterTable& table, HeadConfig const& config) : config_(config) {
  std::size_t const d = config.dim, classes = config.classes;
  norm_weight_ = table.add("head/norm/weight", config.norm + ".weight", {d}, {Initial::one});
  norm_bias_ = table.add("head/norm/bias", config.norm + ".bias", {d}, {Initial::zero});
  linear_weight_ = table.add("head/linear/weight", config.weight, {classes, d}, Initial::linear(d));
  if (has_bias()) linear_bias_ = table.add("head/linear/bias", config.bias, {classes}, Initial::linear(d));
}

template <class Space, class T>
void ClassifierHead<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass, State& state) const {
  state.pooled = work.template take<T>(batch, config_.dim);
  state.head_input = work.template take<T>(batch, config_.dim);
  state.mean_head = work.template take<T>(batch);
  state.deviation_head = work.template take<T>(batch);
  state.logits = work.template take<T>(batch, config_.classes);
}

template <class Space, class T>
std::size_t ClassifierHead<Space, T>::backward_workspace(std::size_t batch) const {
  return measure<Space>([&](auto& work) { work.template take<T>(batch, config_.dim); }) +
         std::max(layer_norm_backward_workspace<T>(config_.dim), linear_backward_workspace<T>(config_.classes));
}

template <class Space, class T>
void ClassifierHead<Space, T>::forward(Space const& space, ParameterList<Space, T> const& parameters,
                                       ConstTensor3<T, Space> const& tokens, State const& state,
                                       Workspace<Space>) const {
  pool_tokens(space, tokens, config_.pool, state.pooled);
  layer_norm(space, state.pooled, parameters.value(norm_weight_), parameters.value(norm_bias_), {config_.norm_eps},
             state.head_input, state.mean_head, state.deviation_head);
  linear(space, state.head_input, parameters.value_matrix(linear_weight_),
         has_bias() ? parameters.value(linear_bias_) : Vector<T, Space>(), state.logits);
}

template <class Space, class T>
void ClassifierHead<Space, T>::backward_linear(Space const& space, ParameterList<Space, T> const& parameters,
                                               State const& state, ConstMatrix<T, Space> const& dlogits,
                                               Workspace<Space> work, Matrix<T, Space> const& dfeatures) const {
  linear_backward(space, state.head_input, parameters.value_matrix(linear_weight_), dlogits, work, dfeatures,
                  parameters.gradient_matrix(linear_weight_),
                  has_bias() ? parameters.gradient(linear_bias_) : Vector<T, Space>());
}

template <class Space, class T>
void ClassifierHead<Space, T>::backward(Space const& space, ParameterList<Space, T> const& parameters,
                                        State const& state, ConstMatrix<T, Space> const& dfeatures,
                                        Workspace<Space> work, Tensor3<T, Space> const& dtokens) const {
  auto const dpooled = work.template take<T>(dfeatures.extent(0), config_.dim);
  layer_norm_backward(space, state.pooled, parameters.value(norm_weight_), state.mean_head, state.deviation_head,
                      dfeatures, InputGradient::write, work, dpooled, parameters.gradient(norm_weight_),
                      parameters.gradient(norm_bias_));
  pool_tokens_backward(space, dpooled, config_.pool, dtokens);
}

}  // namespace krate::models
