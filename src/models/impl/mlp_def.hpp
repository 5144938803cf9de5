// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/mlp.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/rectify.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename Mlp<Space, T>::Parameters Mlp<Space, T>::list(ParameterTable& table, MlpConfig const& c) {
  c.validate();
  Parameters p{};
  p.hidden_weight = table.add("hidden/linear/weight", "0.weight", {c.hidden, c.pixels()}, Initial::linear(c.pixels()));
  p.norm_weight = table.add("hidden/norm/weight", "1.weight", {c.hidden}, {Initial::one});
  p.norm_bias = table.add("hidden/norm/bias", "1.bias", {c.hidden}, {Initial::zero});
  p.features_weight = table.add("features/weight", "3.weight", {c.dim, c.hidden}, Initial::linear(c.hidden));
  p.features_bias = table.add("features/bias", "3.bias", {c.dim}, Initial::linear(c.hidden));
  p.head_weight = table.add("head/linear/weight", "head.weight", {c.classes, c.dim}, Initial::linear(c.dim));
  p.head_bias = table.add("head/linear/bias", "head.bias", {c.classes}, Initial::linear(c.dim));
  return p;
}

template <class Space, class T>
Mlp<Space, T>::Mlp(Space const& space, MlpConfig const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void Mlp<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass, State& state) const {
  state.hidden = work.template take<T>(batch, config_.hidden);
  state.rectified = work.template take<T>(batch, config_.hidden);
  state.mean = work.template take<T>(batch);
  state.deviation = work.template take<T>(batch);
  state.head_input = work.template take<T>(batch, config_.dim);
  state.logits = work.template take<T>(batch, config_.classes);
}

template <class Space, class T>
std::size_t Mlp<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  auto const products = config_.products;
  std::size_t const in = config_.pixels(), hidden = config_.hidden, dim = config_.dim;
  if (pass == Pass::inference)
    return state + std::max(linear_workspace<T>(products, batch, in, hidden),
                            linear_workspace<T>(products, batch, hidden, dim));
  std::size_t const gradients = measure<Space>([&](auto& work) {
    work.template take<T>(batch, config_.dim);
    work.template take<T>(batch, config_.hidden);
  });
  return state + gradients +
         std::max({layer_norm_backward_workspace<T>(hidden), linear_backward_workspace<T>(config_.classes),
                   linear_backward_workspace<T>(products, batch, in, hidden),
                   linear_backward_workspace<T>(products, batch, hidden, dim)});
}

template <class Space, class T>
void Mlp<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                            Workspace<Space> work, Tap<Space, T>) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Mlp::forward"));
  constexpr char const* where = "krate::models::Mlp::forward";
  std::size_t const batch = state.logits.extent(0);
  require_shape(where, "images", images, {batch, config_.channels, config_.image_size.height, config_.image_size.width},
                "the state's batch, and the configuration");
  require_value(images.span_is_contiguous(), where, "images", "strided", "must be contiguous; copy them first");
  auto const& p = parameters_;
  state.pixels = ConstMatrix<T, Space>(images.data(), batch, config_.pixels());
  linear(space, state.pixels, p.value_matrix(at_.hidden_weight), Vector<T, Space>(), state.hidden, config_.products,
         work);
  layer_norm(space, state.hidden, p.value(at_.norm_weight), p.value(at_.norm_bias), {config_.norm_eps}, state.rectified,
             state.mean, state.deviation);
  rectify(space, state.rectified, state.rectified);
  linear(space, state.rectified, p.value_matrix(at_.features_weight), p.value(at_.features_bias), state.head_input,
         config_.products, work);
  linear(space, state.head_input, p.value_matrix(at_.head_weight), p.value(at_.head_bias), state.logits);
}

template <class Space, class T>
void Mlp<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                             Workspace<Space> work, Ready ready) const {
  auto const& p = parameters_;
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), config_.dim);
  linear_backward(space, state.head_input, p.value_matrix(at_.head_weight), dlogits, work, dfeatures,
                  p.gradient_matrix(at_.head_weight), p.gradient(at_.head_bias));
  backward_features(space, dfeatures, state, work, ready);
}

template <class Space, class T>
void Mlp<Space, T>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                                      Workspace<Space> work, Ready ready) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Mlp::backward"));
  auto const& p = parameters_;
  Matrix<T, Space> const dhidden = work.template take<T>(dfeatures.extent(0), config_.hidden);
  linear_backward(space, state.rectified, p.value_matrix(at_.features_weight), dfeatures, work, dhidden,
                  p.gradient_matrix(at_.features_weight), p.gradient(at_.features_bias), config_.products);
  if (ready) ready(range_of(p, at_.features_weight, at_.head_bias + 1));
  rectify_backward(space, state.rectified, dhidden, dhidden);
  layer_norm_backward(space, state.hidden, p.value(at_.norm_weight), state.mean, state.deviation, dhidden,
                      InputGradient::write, work, dhidden, p.gradient(at_.norm_weight), p.gradient(at_.norm_bias));
  linear_backward(space, state.pixels, p.value_matrix(at_.hidden_weight), dhidden, work, Matrix<T, Space>(),
                  p.gradient_matrix(at_.hidden_weight), Vector<T, Space>(), config_.products);
  if (ready) ready(range_of(p, at_.hidden_weight, at_.norm_bias + 1));
}

}  // namespace krate::models
