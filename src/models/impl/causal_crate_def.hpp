// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/models/causal_crate.hpp"

namespace krate::models {

template <class Space, class T>
LanguageLayers<BlockStack<Space, T>> CausalCrate<Space, T>::list(ParameterTable& table, CausalCrateConfig const& c) {
  c.validate();
  BlockConfig block{c.dim, c.heads, c.head_dim(), c.eta, c.lambda, c.norm_eps, c.products};
  block.mask = Mask::causal;
  block.may_lack_output_map = false;
  if (c.overcomplete)
    block.coding = {.expansion = c.expansion, .own_decoder = false, .residual = false, .transposed = true};
  LanguageLayers<BlockStack<Space, T>> at;
  at.tables = TokenTables::list(table, c.vocabulary, c.context, c.dim);
  at.blocks = {table, block, c.depth, causal_crate_names()};
  for (std::size_t i = 0; i < c.depth; ++i) {
    auto const& b = at.blocks.block(i);
    table.set_initial(b.projection, {Initial::normal, 0.02});
    table.add_buffer("transformer.h." + std::to_string(i) + ".attn.bias");  // the mask, as numbers
    table.set_initial(b.output_weight, {Initial::normal, 0.02 / std::sqrt(2 * static_cast<double>(c.depth))});
    table.set_initial(b.output_bias, {Initial::zero});
  }
  if (c.overcomplete) at.norm = FinalNorm::list(table, c.dim, c.norm_eps);
  table.decay_matrices_only();
  return at;
}

template <class Space, class T>
ParameterTable CausalCrate<Space, T>::parameter_table(CausalCrateConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
CausalCrate<Space, T>::CausalCrate(Space const& space, CausalCrateConfig const& config, Seed seed)
    : LanguageModel<BlockStack<Space, T>>(space, "krate::models::CausalCrate", seed,
                                          [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {}

}  // namespace krate::models
