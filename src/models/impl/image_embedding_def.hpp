// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/models/image_embedding.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/token_embedding.hpp"

namespace krate::models {

template <class Space, class T>
ImageEmbedding<Space, T>::ImageEmbedding(ParameterTable& table, ImageEmbeddingConfig const& c) : config_(c) {
  std::size_t const d = c.dim, pixels = c.patch_dim(), tokens = c.patches() + 1;
  auto const add_norm = [&](char const* name, std::string const& official, std::size_t width) {
    std::string const path = std::string("patch_embedding/") + name;
    std::size_t const weight = table.add(path + "/weight", official + ".weight", {width}, {Initial::one});
    return Norm{weight, table.add(path + "/bias", official + ".bias", {width}, {Initial::zero})};
  };
  positions_ = table.add("position_embedding", c.positions.official, {tokens, d}, c.positions.initial);
  class_token_ = table.add("class_token", c.class_token.official, {d}, c.class_token.initial);
  if (c.axes_of_one) {
    table.set_official_shape(positions_, {1, tokens, d});
    table.set_official_shape(class_token_, {1, 1, d});
  }
  if (c.norms()) norm_patches_ = add_norm("norm_patches", c.norm_patches, pixels);
  std::string const map = c.convolution ? "patch_embedding/convolution" : "patch_embedding/linear";
  std::vector<std::size_t> shape{d, pixels};
  if (c.convolution) shape = {d, c.channels, c.patch_size.height, c.patch_size.width};
  map_weight_ = table.add(map + "/weight", c.map.official + ".weight", shape, c.map.initial);
  if (c.biased) map_bias_ = table.add(map + "/bias", c.map.official + ".bias", {d}, c.bias);
  if (c.norms()) norm_embedded_ = add_norm("norm_embedded", c.norm_embedded, d);
  last_ = table.specs().size();
}

template <class Space, class T>
Vector<T, Space> ImageEmbedding<Space, T>::map_bias(ParameterList<Space, T> const& list, bool gradient) const {
  if (!config_.biased) return {};
  return gradient ? list.gradient(map_bias_) : list.value(map_bias_);
}

template <class Space, class T>
void ImageEmbedding<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass, State& state) const {
  std::size_t const rows = batch * config_.patches(), d = config_.dim, pixels = config_.patch_dim();
  state.patches = work.template take<T>(rows, pixels);
  state.embedded = work.template take<T>(rows, d);
  if (!config_.norms()) return;
  state.patches_normed = work.template take<T>(rows, pixels);
  state.embedded_normed = work.template take<T>(rows, d);
  for (auto* sums : {&state.mean_patches, &state.deviation_patches, &state.mean_embedded, &state.deviation_embedded})
    *sums = work.template take<T>(rows);
}

/// Gradients between the layers; those of the patches where they are wanted.
template <class Space, class T>
struct ImageEmbeddingGradients {
  Matrix<T, Space> embedded_normed, embedded, patches_normed, patches;
  template <class W>
  ImageEmbeddingGradients(W& work, ImageEmbeddingConfig const& c, std::size_t rows, bool of_images)
      : embedded(work.template take<T>(rows, c.dim)) {
    if (of_images || c.norms()) patches = work.template take<T>(rows, c.patch_dim());
    if (!c.norms()) return;
    embedded_normed = work.template take<T>(rows, c.dim);
    patches_normed = work.template take<T>(rows, c.patch_dim());
  }
};

template <class Space, class T>
std::size_t ImageEmbedding<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t const widest = config_.norms() ? std::max(config_.dim, config_.patch_dim()) : config_.dim;
  std::size_t sums = linear_backward_workspace<T>(widest);
  if (config_.norms()) sums = std::max(sums, layer_norm_backward_workspace<T>(widest));
  return sums + measure<Space>([&](auto& work) {
           ImageEmbeddingGradients<Space, T>(work, config_, batch * config_.patches(), true);
         });
}

template <class Space, class T>
void ImageEmbedding<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                       ConstTensor4<T, Space> const& images, State const& state, Workspace<Space>,
                                       Tensor3<T, Space> const& tokens) const {
  LayerNormOptions const norm{config_.norm_eps};
  bool const norms = config_.norms();
  patchify(space, images, config_.patching(), state.patches);
  if (norms) {
    layer_norm(space, state.patches, p.value(norm_patches_.weight), p.value(norm_patches_.bias), norm,
               state.patches_normed, state.mean_patches, state.deviation_patches);
  }
  linear(space, norms ? state.patches_normed : state.patches, p.value_matrix(map_weight_), map_bias(p, false),
         state.embedded);
  if (norms) {
    layer_norm(space, state.embedded, p.value(norm_embedded_.weight), p.value(norm_embedded_.bias), norm,
               state.embedded_normed, state.mean_embedded, state.deviation_embedded);
  }
  embed_tokens(space, norms ? state.embedded_normed : state.embedded, p.value(class_token_), p.value_matrix(positions_),
               tokens);
}

template <class Space, class T>
void ImageEmbedding<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State const& state,
                                        Tensor3<T, Space> const& dtokens, Workspace<Space> work,
                                        Tensor4<T, Space> const& dimages) const {
  bool const norms = config_.norms(), of_images = dimages.size() > 0;
  ImageEmbeddingGradients<Space, T> const d(work, config_, state.embedded.extent(0), of_images);
  embed_tokens_backward(space, dtokens, norms ? d.embedded_normed : d.embedded, p.gradient(class_token_),
                        p.gradient_matrix(positions_));
  if (norms) {
    layer_norm_backward(space, state.embedded, p.value(norm_embedded_.weight), state.mean_embedded,
                        state.deviation_embedded, d.embedded_normed, InputGradient::write, work, d.embedded,
                        p.gradient(norm_embedded_.weight), p.gradient(norm_embedded_.bias));
  }
  linear_backward(space, norms ? state.patches_normed : state.patches, p.value_matrix(map_weight_), d.embedded, work,
                  norms ? d.patches_normed : d.patches, p.gradient_matrix(map_weight_), map_bias(p, true));
  if (norms) {
    layer_norm_backward(space, state.patches, p.value(norm_patches_.weight), state.mean_patches,
                        state.deviation_patches, d.patches_normed, InputGradient::write, work, d.patches,
                        p.gradient(norm_patches_.weight), p.gradient(norm_patches_.bias));
  }
  if (of_images) patchify_backward(space, d.patches, config_.patching(), dimages);
}

}  // namespace krate::models
