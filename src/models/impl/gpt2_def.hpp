// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/models/gpt2.hpp"

namespace krate::models {

template <class Space, class T>
LanguageLayers<BlockStack<Space, T>> Gpt2<Space, T>::list(ParameterTable& table, Gpt2Config const& c) {
  c.validate();
  BlockConfig const block{.dim = c.dim,
                          .heads = c.heads,
                          .head_dim = c.head_dim(),
                          .norm_eps = c.norm_eps,
                          .products = c.products,
                          .mask = Mask::causal,
                          .may_lack_output_map = false,
                          .attention = AttentionKind::mhsa,
                          .feed_forward = FeedForwardKind::mlp,
                          .projection_bias = true,
                          .hidden = Gpt2Config::mlp_ratio * c.dim,
                          .deviation = 0.02,
                          .output_deviation = 0.02 / std::sqrt(2 * static_cast<double>(c.depth))};
  LanguageLayers<BlockStack<Space, T>> at;
  at.tables = TokenTables::list(table, c.vocabulary, c.context, c.dim);
  at.blocks = {table, block, c.depth, gpt2_names()};
  for (std::size_t i = 0; i < c.depth; ++i)
    table.add_buffer("transformer.h." + std::to_string(i) + ".attn.bias");  // the mask, as numbers
  at.norm = FinalNorm::list(table, c.dim, c.norm_eps);
  table.decay_matrices_only();
  return at;
}

template <class Space, class T>
ParameterTable Gpt2<Space, T>::parameter_table(Gpt2Config const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
Gpt2<Space, T>::Gpt2(Space const& space, Gpt2Config const& config, Seed seed)
    : LanguageModel<BlockStack<Space, T>>(space, "krate::models::Gpt2", seed,
                                          [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {}

}  // namespace krate::models
