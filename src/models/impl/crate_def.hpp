// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate.hpp"

namespace krate::models {

template <class Space, class T>
ClassifierLayers<Space, T> Crate<Space, T>::list(ParameterTable& table, CrateConfig const& c) {
  c.validate();
  ClassifierLayers<Space, T> at;
  ImageEmbeddingConfig embedding{.image_size = c.image_size,
                                 .patch_size = c.patch_size,
                                 .channels = c.channels,
                                 .dim = c.dim,
                                 .positions = {"pos_embedding", {Initial::normal, 1}},
                                 .class_token = {"cls_token", {Initial::normal, 1}},
                                 .map = {"to_patch_embedding.2", Initial::linear(c.patch_dim())},
                                 .bias = Initial::linear(c.patch_dim()),
                                 .convolution = false,
                                 .norm_eps = c.norm_eps};
  if (c.embedding_norms) {
    embedding.norm_patches = "to_patch_embedding.1";
    embedding.norm_embedded = "to_patch_embedding.3";
  }
  at.embedding = {table, embedding};
  BlockConfig block{c.dim, c.heads, c.head_dim(), c.eta, c.lambda, c.norm_eps, c.products};
  block.attention = c.attention;
  block.feed_forward = c.feed_forward;
  block.hidden = CrateConfig::mlp_ratio * c.dim;
  at.blocks = {table, block, c.depth};
  at.head = {table, {c.dim, c.classes, c.pool, c.final_norm_eps > 0 ? c.final_norm_eps : c.norm_eps}};
  // In the checkpoints of Yu et al. 2024 (emergence).
  table.set_chain({at.head.linear_weight(), at.head.linear_bias(), "head"});
  return at;
}

template <class Space, class T>
ParameterTable Crate<Space, T>::parameter_table(CrateConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
Crate<Space, T>::Crate(Space const& space, CrateConfig const& config, Seed seed)
    : BlockClassifier<ClassifierLayers<Space, T>>(space, "krate::models::Crate", seed,
                                                  [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {}

}  // namespace krate::models
