// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/crate.hpp"

#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/patch_embedding.hpp"
#include "krate/nn/token_embedding.hpp"
#include "models/impl/block_def.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

inline CrateConfig validated(CrateConfig const& config) {
  config.validate();
  return config;
}

template <class Space, class T>
typename Crate<Space, T>::Parameters Crate<Space, T>::list_embedding(ParameterTable& table, CrateConfig const& c) {
  std::size_t const d = c.dim, pixels = c.patch_dim();
  Parameters p{};
  p.positions = table.add("position_embedding", "pos_embedding", {c.tokens(), d}, {Initial::normal, 1});
  p.class_token = table.add("class_token", "cls_token", {d}, {Initial::normal, 1});
  table.set_official_shape(p.positions, {1, c.tokens(), d});
  table.set_official_shape(p.class_token, {1, 1, d});
  p.norm_patches_weight =
      table.add("patch_embedding/norm_patches/weight", "to_patch_embedding.1.weight", {pixels}, {Initial::one});
  p.norm_patches_bias =
      table.add("patch_embedding/norm_patches/bias", "to_patch_embedding.1.bias", {pixels}, {Initial::zero});
  p.linear_weight =
      table.add("patch_embedding/linear/weight", "to_patch_embedding.2.weight", {d, pixels}, Initial::linear(pixels));
  p.linear_bias = table.add("patch_embedding/linear/bias", "to_patch_embedding.2.bias", {d}, Initial::linear(pixels));
  p.norm_embedded_weight =
      table.add("patch_embedding/norm_embedded/weight", "to_patch_embedding.3.weight", {d}, {Initial::one});
  p.norm_embedded_bias =
      table.add("patch_embedding/norm_embedded/bias", "to_patch_embedding.3.bias", {d}, {Initial::zero});
  return p;
}

template <class Space, class T>
ClassifierHead<Space, T> Crate<Space, T>::list_head(ParameterTable& table, CrateConfig const& c) {
  ClassifierHead<Space, T> const head(table, {c.dim, c.classes, c.pool, c.norm_eps});
  // In the checkpoints of Yu et al. 2024 (emergence).
  table.set_chain({head.linear_weight(), head.linear_bias(), "head"});
  return head;
}

template <class Space, class T>
BlockStack<Space, T> Crate<Space, T>::list_blocks(ParameterTable& table, CrateConfig const& c) {
  BlockConfig blocks{c.dim, c.heads, c.head_dim(), c.eta, c.lambda, c.norm_eps, c.products};
  blocks.attention = c.attention;
  blocks.feed_forward = c.feed_forward;
  blocks.hidden = CrateConfig::mlp_ratio * c.dim;
  return {table, blocks, c.depth};
}

template <class Space, class T>
ParameterTable Crate<Space, T>::parameter_table(CrateConfig const& config) {
  config.validate();
  ParameterTable table;
  list_embedding(table, config);
  list_blocks(table, config);
  list_head(table, config);
  return table;
}

template <class Space, class T>
Crate<Space, T>::Crate(Space const& space, CrateConfig const& config, Seed seed)
    : config_(validated(config)),
      at_(list_embedding(table_, config_)),
      blocks_(list_blocks(table_, config_)),
      head_(list_head(table_, config_)) {
  parameters_ = ParameterList<Space, T>(space, table_.specs());
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void Crate<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  std::size_t const rows = batch * config_.patches(), d = config_.dim;
  state.patches = work.template take<T>(rows, config_.patch_dim());
  state.patches_normed = work.template take<T>(rows, config_.patch_dim());
  state.embedded = work.template take<T>(rows, d);
  state.embedded_normed = work.template take<T>(rows, d);
  state.mean_patches = work.template take<T>(rows);
  state.deviation_patches = work.template take<T>(rows);
  state.mean_embedded = work.template take<T>(rows);
  state.deviation_embedded = work.template take<T>(rows);
  state.stack.cut(work, blocks_.config(), blocks_.depth(), batch, config_.tokens(), pass);
  head_.cut(work, batch, state);
}

/// Gradients of the layers outside the stack, but for the head's linear map.
template <class Space, class T>
struct CrateGradients {
  Matrix<T, Space> embedded_normed, embedded, patches_normed, patches;
  template <class W>
  CrateGradients(W& work, CrateConfig const& c, std::size_t batch)
      : embedded_normed(work.template take<T>(batch * c.patches(), c.dim)),
        embedded(work.template take<T>(batch * c.patches(), c.dim)),
        patches_normed(work.template take<T>(batch * c.patches(), c.patch_dim())),
        patches(work.template take<T>(batch * c.patches(), c.patch_dim())) {}
};

template <class Space, class T>
std::size_t Crate<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t const widest = std::max(config_.dim, config_.patch_dim());
  std::size_t const sums = std::max(layer_norm_backward_workspace<T>(widest), linear_backward_workspace<T>(widest));
  return measure<Space>([&](auto& work) {
           work.template take<T>(batch, config_.dim);
           CrateGradients<Space, T>(work, config_, batch);
         }) +
         std::max({sums, head_.backward_workspace(batch), blocks_.workspace(batch, config_.tokens(), Pass::training)});
}

template <class Space, class T>
std::size_t Crate<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  return state + (pass != Pass::inference ? backward_workspace(batch)
                                          : blocks_.workspace(batch, config_.tokens(), Pass::inference));
}

template <class Space, class T>
void Crate<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                              Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Crate::forward"));
  require_shape("krate::models::Crate::forward", "images", images,
                {state.logits.extent(0), config_.channels, config_.image_size.height, config_.image_size.width},
                "the state's batch, and the configuration");
  auto const& p = parameters_;
  LayerNormOptions const norm{config_.norm_eps};
  patchify(space, images, {config_.patch_size.height, config_.patch_size.width}, state.patches);
  layer_norm(space, state.patches, p.value(at_.norm_patches_weight), p.value(at_.norm_patches_bias), norm,
             state.patches_normed, state.mean_patches, state.deviation_patches);
  linear(space, state.patches_normed, p.value_matrix(at_.linear_weight), p.value(at_.linear_bias), state.embedded);
  layer_norm(space, state.embedded, p.value(at_.norm_embedded_weight), p.value(at_.norm_embedded_bias), norm,
             state.embedded_normed, state.mean_embedded, state.deviation_embedded);
  embed_tokens(space, state.embedded_normed, p.value(at_.class_token), p.value_matrix(at_.positions),
               state.stack.tokens.front());
  blocks_.forward(space, p, state.stack, work, tap);
  head_.forward(space, p, state.stack.tokens.back(), state);
}

template <class Space, class T>
void Crate<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                               Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                               GradientTap<Space, T> tap) const {
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), config_.dim);
  head_.backward_linear(space, parameters_, state, dlogits, work, dfeatures);
  backward_features(space, dfeatures, state, work, ready, dimages, tap);
}

template <class Space, class T>
void Crate<Space, T>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                                        Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                        GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Crate::backward"));
  auto const& p = parameters_;
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(p, first, last));
  };
  CrateGradients<Space, T> const d(work, config_, dfeatures.extent(0));
  head_.backward(space, p, state, dfeatures, work, state.stack.gradient[blocks_.depth() % 2]);
  announce(head_.norm_weight(), head_.last());
  blocks_.backward(space, p, state.stack, work, tap, ready);
  embed_tokens_backward(space, state.stack.gradient[0], d.embedded_normed, p.gradient(at_.class_token),
                        p.gradient_matrix(at_.positions));
  layer_norm_backward(space, state.embedded, p.value(at_.norm_embedded_weight), state.mean_embedded,
                      state.deviation_embedded, d.embedded_normed, InputGradient::write, work, d.embedded,
                      p.gradient(at_.norm_embedded_weight), p.gradient(at_.norm_embedded_bias));
  linear_backward(space, state.patches_normed, p.value_matrix(at_.linear_weight), d.embedded, work, d.patches_normed,
                  p.gradient_matrix(at_.linear_weight), p.gradient(at_.linear_bias));
  layer_norm_backward(space, state.patches, p.value(at_.norm_patches_weight), state.mean_patches,
                      state.deviation_patches, d.patches_normed, InputGradient::write, work, d.patches,
                      p.gradient(at_.norm_patches_weight), p.gradient(at_.norm_patches_bias));
  announce(at_.positions, at_.norm_embedded_bias + 1);
  if (dimages.size() > 0) {
    patchify_backward(space, d.patches, {config_.patch_size.height, config_.patch_size.width}, dimages);
  }
}

}  // namespace krate::models
