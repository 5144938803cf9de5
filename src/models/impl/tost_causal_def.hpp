// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/models/tost_causal.hpp"

namespace krate::models {

inline TostBlockNames tost_causal_names() {
  return {"transformer.h.", ".ln_1", ".attn.c_attn", ".attn.temp", ".attn.denom_bias",
          ".attn.c_proj",   ".ln_2", ".mlp.c_fc",    ".mlp.c_proj"};
}

template <class Space, class T>
LanguageLayers<TostStack<Space, T>> TostCausal<Space, T>::list(ParameterTable& table, TostCausalConfig const& c) {
  c.validate();
  TostBlockConfig const block{.dim = c.dim,
                              .heads = c.heads,
                              .head_dim = c.head_dim(),
                              .hidden = TostCausalConfig::mlp_ratio * c.dim,
                              .norm_eps = c.norm_eps,
                              .context = c.context,
                              .bias = c.bias,
                              .scale = 1e-5,
                              .output_deviation = 0.02 / std::sqrt(2 * static_cast<double>(c.depth))};
  LanguageLayers<TostStack<Space, T>> at;
  at.tables = TokenTables::list(table, c.vocabulary, c.context, c.dim);
  at.blocks = TostStack<Space, T>(table, block, c.depth, tost_causal_names());
  at.norm = FinalNorm::list(table, c.dim, c.norm_eps, c.bias);

  std::vector<std::size_t> decayed;
  auto const spared = at.blocks.position_biases();
  for (std::size_t i = 0; i < table.specs().size(); ++i) {
    bool const matrix = table.specs()[i].shape.size() > 1;
    if (matrix && std::find(spared.begin(), spared.end(), i) == spared.end()) decayed.push_back(i);
  }
  table.decay_only(decayed);
  return at;
}

template <class Space, class T>
ParameterTable TostCausal<Space, T>::parameter_table(TostCausalConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
TostCausal<Space, T>::TostCausal(Space const& space, TostCausalConfig const& config, Seed seed)
    : LanguageModel<TostStack<Space, T>>(space, "krate::models::TostCausal", seed,
                                         [&](ParameterTable& table) { return list(table, config); }),
      config_(config) {
  this->blocks().initialize_scales(space, this->parameters());
}

}  // namespace krate::models
