// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/tost.hpp"

namespace krate::models {

inline TostBlockNames tost_names() {
  return {"blocks.", ".norm1", ".attn.qkv", ".attn.temp", "", ".attn.to_out.0", ".norm2", ".mlp.fc1", ".mlp.fc2"};
}

template <class Space, class T>
TostLayers<Space, T> Tost<Space, T>::list(ParameterTable& table, TostConfig const& c) {
  c.validate();
  std::size_t const d = c.dim, hidden = TostConfig::mlp_ratio * d;
  TostBlockConfig const block{.dim = d,
                              .heads = c.heads,
                              .head_dim = c.head_dim(),
                              .hidden = hidden,
                              .norm_eps = c.norm_eps,
                              .scale = c.scale()};
  TostLayers<Space, T> at;
  at.embedding = {table, c};
  at.blocks = {table, block, c.depth, tost_names()};
  at.head = {table,
             {d, c.heads, hidden, c.norm_eps, c.scale()},
             c.class_layers,
             c.patches(),
             {d, c.classes, Pool::cls, c.norm_eps, "norm", "head.weight", "head.bias"}};
  auto const& linear = at.head.head();
  table.set_initial(linear.linear_weight(), {Initial::normal, 0.02});
  table.set_initial(linear.linear_bias(), {Initial::zero});
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
    : BlockClassifier<TostLayers<Space, T>>(space, "krate::models::Tost", seed,
                                            [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {
  this->layers().blocks.initialize_scales(space, this->parameters());
  this->layers().head.stack().initialize_scales(space, this->parameters());
}

}  // namespace krate::models
