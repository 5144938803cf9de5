// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/vit.hpp"

namespace krate::models {

template <class Space, class T>
ClassifierLayers<Space, T> Vit<Space, T>::list(ParameterTable& table, VitConfig const& c) {
  c.validate();
  Initial const normal{Initial::normal, 0.02};
  ClassifierLayers<Space, T> at;
  at.embedding = {table,
                  {.image_size = c.image_size,
                   .patch_size = c.patch_size,
                   .channels = c.channels,
                   .dim = c.dim,
                   .positions = {"pos_embed", normal},
                   .class_token = {"cls_token", {Initial::normal, 1e-6}},
                   .map = {"patch_embed.proj", Initial::linear(c.patch_dim())},
                   .bias = Initial::linear(c.patch_dim())}};
  BlockConfig const block{.dim = c.dim,
                          .heads = c.heads,
                          .head_dim = c.head_dim(),
                          .norm_eps = c.norm_eps,
                          .products = c.products,
                          .may_lack_output_map = false,
                          .attention = AttentionKind::mhsa,
                          .feed_forward = FeedForwardKind::mlp,
                          .projection_bias = true,
                          .hidden = VitConfig::mlp_ratio * c.dim,
                          .deviation = normal.width,
                          .output_deviation = normal.width};
  at.blocks = {table, block, c.depth, vit_names()};
  at.head = {table, {c.dim, c.classes, Pool::cls, c.norm_eps, "norm", "head.weight", "head.bias"}};
  table.set_initial(at.head.linear_weight(), normal);
  table.set_initial(at.head.linear_bias(), {Initial::zero});
  table.decay_matrices_only();
  table.spare(at.embedding.positions());
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
    : BlockClassifier<ClassifierLayers<Space, T>>(space, "krate::models::Vit", seed,
                                                  [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {}

}  // namespace krate::models
