// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_alpha.hpp"

namespace krate::models {

template <class Space, class T>
ClassifierLayers<Space, T> CrateAlpha<Space, T>::list(ParameterTable& table, CrateAlphaConfig const& c) {
  c.validate();
  Initial const normal{Initial::normal, 0.02};
  ClassifierLayers<Space, T> at;
  ImageEmbeddingConfig const embedding{
      .image_size = c.image_size,
      .patch_size = c.patch_size,
      .channels = c.channels,
      .dim = c.dim,
      .positions = {c.clip ? "visual.positional_embedding" : "pos_embedding", normal},
      .class_token = {c.clip ? "visual.class_embedding" : "cls_token", {Initial::normal, 1e-6}},
      .map = {c.clip ? "visual.conv1" : "conv1", Initial::kaiming(c.patch_dim())},
      .biased = !c.clip,
      .axes_of_one = !c.clip};
  at.embedding = {table, embedding};
  if (c.clip) table.set_prefix("visual.");  // the files have the text tower too
  BlockConfig const block{.dim = c.dim,
                          .heads = c.heads,
                          .head_dim = c.head_dim(),
                          .eta = c.eta,
                          .lambda = c.lambda,
                          .norm_eps = c.norm_eps,
                          .products = c.products,
                          .output_bias = false,
                          .coding = c.coding()};
  at.blocks = {table, block, c.depth, c.clip ? crate_alpha_clip_names() : crate_alpha_names()};
  HeadConfig head{c.dim, c.classes, c.pool, c.head_norm_eps};
  if (c.clip) {
    head.norm = "visual.ln_post";
    head.weight = "visual.proj";
    head.bias.clear();
  }
  at.head = {table, head};
  std::vector<std::size_t> kernels{at.embedding.map_weight()};
  auto const add_kernel = [&](std::size_t map) {
    table.set_initial(map, normal);
    kernels.push_back(map);
  };
  for (std::size_t i = 0; i < c.depth; ++i) {
    add_kernel(at.blocks.block(i).projection);
    if (c.clip) table.repeat_official(at.blocks.block(i).projection, 3);  // as query, key and value
    if (block.has_output_map()) add_kernel(at.blocks.block(i).output_weight);
  }
  add_kernel(at.head.linear_weight());
  if (c.clip) {
    table.transpose_official(at.head.linear_weight());
  } else {
    table.set_initial(at.head.linear_bias(), {Initial::zero});
  }
  table.decay_only(kernels);
  return at;
}

template <class Space, class T>
ParameterTable CrateAlpha<Space, T>::parameter_table(CrateAlphaConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
CrateAlpha<Space, T>::CrateAlpha(Space const& space, CrateAlphaConfig const& config, Seed seed)
    : BlockClassifier<ClassifierLayers<Space, T>>(space, "krate::models::CrateAlpha", seed,
                                                  [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {}

}  // namespace krate::models
