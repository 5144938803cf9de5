// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/vit.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/token_embedding.hpp"
#include "models/impl/block_def.hpp"
#include "models/impl/head_def.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename Vit<Space, T>::Layers Vit<Space, T>::list(ParameterTable& table, VitConfig const& c) {
  c.validate();
  std::size_t const d = c.dim, height = c.patch_size.height, width = c.patch_size.width;
  Initial const normal{Initial::normal, 0.02};
  Layers at{};
  at.positions = table.add("position_embedding", "pos_embed", {c.tokens(), d}, normal);
  at.class_token = table.add("class_token", "cls_token", {d}, {Initial::normal, 1e-6});
  table.set_official_shape(at.positions, {1, c.tokens(), d});
  table.set_official_shape(at.class_token, {1, 1, d});
  at.convolution_weight = table.add("patch_embedding/convolution/weight", "patch_embed.proj.weight",
                                    {d, c.channels, height, width}, Initial::linear(c.patch_dim()));
  at.convolution_bias =
      table.add("patch_embedding/convolution/bias", "patch_embed.proj.bias", {d}, Initial::linear(c.patch_dim()));
  BlockConfig const block{.dim = d,
                          .heads = c.heads,
                          .head_dim = c.head_dim(),
                          .norm_eps = c.norm_eps,
                          .may_lack_output_map = false,
                          .attention = AttentionKind::mhsa,
                          .feed_forward = FeedForwardKind::mlp,
                          .projection_bias = true,
                          .hidden = VitConfig::mlp_ratio * d,
                          .deviation = 0.02,
                          .output_deviation = 0.02};
  at.blocks = {table, block, c.depth, vit_names()};
  at.head = {table, {d, c.classes, Pool::cls, c.norm_eps, "norm", "head.weight", "head.bias"}};
  table.set_initial(at.head.linear_weight(), normal);
  table.set_initial(at.head.linear_bias(), {Initial::zero});
  table.decay_matrices_only();
  table.spare(at.positions);
  return at;
}

template <class Space, class T>
ParameterTable Vit<Space, T>::parameter_table(VitConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
Vit<Space, T>::Vit(Space const& space, VitConfig const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
PatchOptions Vit<Space, T>::convolution() const {
  return {config_.patch_size.height, config_.patch_size.width, PatchOrder::channel_first};
}

template <class Space, class T>
void Vit<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  std::size_t const rows = batch * config_.patches();
  state.patches = work.template take<T>(rows, config_.patch_dim());
  state.embedded = work.template take<T>(rows, config_.dim);
  state.stack.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, config_.tokens(), pass);
  at_.head.cut(work, batch, state);
}

template <class Space, class T>
std::size_t Vit<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t const gradients = measure<Space>([&](auto& work) {
    work.template take<T>(batch, config_.dim);
    work.template take<T>(batch * config_.patches(), config_.dim);
    work.template take<T>(batch * config_.patches(), config_.patch_dim());
  });
  return gradients + std::max({linear_backward_workspace<T>(config_.dim), at_.head.backward_workspace(batch),
                               at_.blocks.workspace(batch, config_.tokens(), Pass::training)});
}

template <class Space, class T>
std::size_t Vit<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  return state + (pass != Pass::inference ? backward_workspace(batch)
                                          : at_.blocks.workspace(batch, config_.tokens(), Pass::inference));
}

template <class Space, class T>
void Vit<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                            Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Vit::forward"));
  require_shape("krate::models::Vit::forward", "images", images,
                {state.logits.extent(0), config_.channels, config_.image_size.height, config_.image_size.width},
                "the state's batch, and the configuration");
  auto const& p = parameters_;
  patchify(space, images, convolution(), state.patches);
  linear(space, state.patches, p.value_matrix(at_.convolution_weight), p.value(at_.convolution_bias), state.embedded);
  embed_tokens(space, state.embedded, p.value(at_.class_token), p.value_matrix(at_.positions),
               state.stack.tokens.front());
  at_.blocks.forward(space, p, state.stack, work, tap);
  at_.head.forward(space, p, state.stack.tokens.back(), state);
}

template <class Space, class T>
void Vit<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                             Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                             GradientTap<Space, T> tap) const {
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), config_.dim);
  at_.head.backward_linear(space, parameters_, state, dlogits, work, dfeatures);
  backward_features(space, dfeatures, state, work, ready, dimages, tap);
}

template <class Space, class T>
void Vit<Space, T>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                                      Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                      GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Vit::backward"));
  auto const& p = parameters_;
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(p, first, last));
  };
  auto const dembedded = work.template take<T>(state.embedded.extent(0), config_.dim);
  auto const dpatches = work.template take<T>(state.patches.extent(0), config_.patch_dim());
  at_.head.backward(space, p, state, dfeatures, work, state.stack.gradient[at_.blocks.depth() % 2]);
  announce(at_.head.norm_weight(), at_.head.linear_bias() + 1);
  at_.blocks.backward(space, p, state.stack, work, tap, ready);
  embed_tokens_backward(space, state.stack.gradient[0], dembedded, p.gradient(at_.class_token),
                        p.gradient_matrix(at_.positions));
  linear_backward(space, state.patches, p.value_matrix(at_.convolution_weight), dembedded, work,
                  dimages.size() > 0 ? dpatches : Matrix<T, Space>(), p.gradient_matrix(at_.convolution_weight),
                  p.gradient(at_.convolution_bias));
  announce(at_.positions, at_.convolution_bias + 1);
  if (dimages.size() > 0) patchify_backward(space, dpatches, convolution(), dimages);
}

}  // namespace krate::models
