// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/tost.hpp"
#include "krate/nn/fourier_positions.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/class_attention_stack_def.hpp"
#include "models/impl/initialize_def.hpp"
#include "models/impl/tost_block_def.hpp"
#include "models/impl/tost_stem_def.hpp"

namespace krate::models {

inline TostBlockNames tost_names() {
  return {"blocks.", ".norm1", ".attn.qkv", ".attn.temp", "", ".attn.to_out.0", ".norm2", ".mlp.fc1", ".mlp.fc2"};
}

template <class Space, class T>
typename Tost<Space, T>::Layers Tost<Space, T>::list(ParameterTable& table, TostConfig const& c) {
  c.validate();
  std::size_t const d = c.dim, hidden = TostConfig::mlp_ratio * d;
  Layers at{};
  at.stem = TostStem<Space, T>(table, c);
  std::string const projection = "pos_embeder.token_projection.";  // the authors' spelling
  at.position_weight =
      table.add("positions/weight", projection + "weight", {d, fourier_features}, Initial::linear(fourier_features));
  table.set_official_shape(at.position_weight, {d, fourier_features, 1, 1});
  at.position_bias = table.add("positions/bias", projection + "bias", {d}, Initial::linear(fourier_features));
  at.blocks = TostStack<Space, T>(table,
                                  {.dim = d,
                                   .heads = c.heads,
                                   .head_dim = c.head_dim(),
                                   .hidden = hidden,
                                   .norm_eps = c.norm_eps,
                                   .scale = c.scale()},
                                  c.depth, tost_names());
  at.class_attention =
      ClassAttentionStack<Space, T>(table, {d, c.heads, hidden, c.norm_eps, c.scale()}, c.class_layers);
  at.norm_weight = table.add("head/norm/weight", "norm.weight", {d}, {Initial::one});
  at.norm_bias = table.add("head/norm/bias", "norm.bias", {d}, {Initial::zero});
  at.head_weight = table.add("head/linear/weight", "head.weight", {c.classes, d}, {Initial::normal, 0.02});
  at.head_bias = table.add("head/linear/bias", "head.bias", {c.classes}, {Initial::zero});
  table.decay_matrices_only();
  return at;
}

template <class Space, class T>
ParameterTable Tost<Space, T>::parameter_table(TostConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
Tost<Space, T>::Tost(Space const& space, TostConfig const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
  at_.blocks.initialize_scales(space, parameters_);
  at_.class_attention.initialize_scales(space, parameters_);
}

template <class Space, class T>
void Tost<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  std::size_t const patches = config_.patches(), d = config_.dim;
  at_.stem.cut(work, batch, pass, state.stem);
  state.features = work.template take<T>(patches, fourier_features);
  state.code = work.template take<T>(patches, d);
  state.positions = work.template take<Label>(batch, patches);
  state.stack.cut(work, at_.blocks.config(), config_.depth, batch, patches, pass);
  at_.class_attention.cut(work, batch, patches, pass, state.class_attention);
  state.head_input = work.template take<T>(batch, d);
  state.mean = work.template take<T>(batch);
  state.deviation = work.template take<T>(batch);
  state.logits = work.template take<T>(batch, config_.classes);
}

template <class Space, class T>
std::size_t Tost<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const patches = config_.patches(), d = config_.dim;
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  std::size_t const blocks = std::max(at_.stem.workspace(batch, pass), at_.blocks.workspace(batch, patches, pass));
  if (pass == Pass::inference) return state + std::max(blocks, at_.class_attention.workspace(batch));
  std::size_t const features = measure<Space>([&](auto& work) { work.template take<T>(batch, d); });
  std::size_t const head = features + std::max(layer_norm_backward_workspace<T>(d), linear_backward_workspace<T>(d));
  std::size_t const code =
      measure<Space>([&](auto& work) { work.template take<T>(patches, d); }) + linear_backward_workspace<T>(d);
  return state + linear_backward_workspace<T>(config_.classes) + features +
         std::max({blocks, at_.class_attention.backward_workspace(batch, patches), head, code});
}

template <class Space, class T>
void Tost<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                             Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Tost::forward"));
  require_shape("krate::models::Tost::forward", "images", images,
                {state.logits.extent(0), config_.channels, config_.image_size.height, config_.image_size.width},
                "the state's batch, and the configuration");
  auto const& p = parameters_;
  state.images = images;
  auto const tokens = as_rows(state.stack.tokens.front());
  at_.stem.forward(space, p, images, state.stem, work, tokens);
  fourier_positions(space, config_.grid().height, config_.grid().width, state.features);
  linear(space, state.features, p.value_matrix(at_.position_weight), p.value(at_.position_bias), state.code);
  number_tokens(space, 0, state.positions);
  look_up(space, flat_ids<Space>(state.positions), state.code, LookUp::add, tokens);
  at_.blocks.forward(space, p, state.stack, work, tap);
  at_.class_attention.forward(space, p, state.stack.tokens.back(), state.class_attention, work);
  layer_norm(space, class_rows(state.class_attention.tokens.back()), p.value(at_.norm_weight), p.value(at_.norm_bias),
             {config_.norm_eps}, state.head_input, state.mean, state.deviation);
  linear(space, state.head_input, p.value_matrix(at_.head_weight), p.value(at_.head_bias), state.logits);
}

template <class Space, class T>
void Tost<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                              Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                              GradientTap<Space, T> tap) const {
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), config_.dim);
  linear_backward(space, state.head_input, parameters_.value_matrix(at_.head_weight), dlogits, work, dfeatures,
                  parameters_.gradient_matrix(at_.head_weight), parameters_.gradient(at_.head_bias));
  backward_features(space, dfeatures, state, work, ready, dimages, tap);
}

template <class Space, class T>
void Tost<Space, T>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                                       Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                       GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Tost::backward"));
  auto const& p = parameters_;
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(p, first, last));
  };
  auto const& top = state.class_attention.gradient;
  {
    auto rest = work;
    Matrix<T, Space> const dclass = rest.template take<T>(dfeatures.extent(0), config_.dim);
    layer_norm_backward(space, class_rows(state.class_attention.tokens.back()), p.value(at_.norm_weight), state.mean,
                        state.deviation, dfeatures, InputGradient::write, rest, dclass, p.gradient(at_.norm_weight),
                        p.gradient(at_.norm_bias));
    fill(space, top, T(0));
    copy_rows<Space, T, T>(space, dclass, class_rows(top));
  }
  auto const dtokens = as_rows(state.stack.gradient);
  at_.class_attention.backward(space, p, state.class_attention, work, state.stack.gradient);
  announce(at_.class_attention.class_token(), p.entries().size());
  at_.blocks.backward(space, p, state.stack, work, tap, ready);
  {
    auto rest = work;
    auto const dcode = rest.template take<T>(state.code.extent(0), config_.dim);
    fill(space, dcode, T(0));
    look_up_backward(space, flat_ids<Space>(state.positions), dtokens, no_padding, dcode);
    linear_backward(space, state.features, p.value_matrix(at_.position_weight), dcode, rest, Matrix<T, Space>(),
                    p.gradient_matrix(at_.position_weight), p.gradient(at_.position_bias));
  }
  at_.stem.backward(space, p, state.images, state.stem, dtokens, work, dimages);
  announce(0, at_.position_bias + 1);
}

}  // namespace krate::models
