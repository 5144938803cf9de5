// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the configurations of both ToSTs have in common: checks, and the way to and from model files.
#pragma once

#include "models/transformer_fields.hpp"

namespace krate::models {

/// dim, depth, heads, dim_head, norm_eps and label_smoothing of a configuration.
template <class Config>
void require_tost_blocks(char const* where, Config const& c) {
  require_size(where, c.dim, "dim");
  require_size(where, c.depth, "depth", 10000);
  require_size(where, c.heads, "heads");
  require_value(
      c.dim_head > 0 || c.dim % c.heads == 0, where, "heads", c.heads,
      ("must divide dim = " + std::to_string(c.dim) + "; choose another number of heads, or give dim_head").c_str());
  require_size(where, c.head_dim(), "dim_head");
  require_value(c.norm_eps > 0, where, "norm_eps", c.norm_eps, "must be positive");
  require_value(c.label_smoothing >= 0 && c.label_smoothing < 1, where, "label_smoothing", c.label_smoothing,
                "must be in [0, 1)");
}

template <class Config>
void store_tost_blocks(Config const& c, Configuration& stored) {
  stored.set("dim", c.dim);
  stored.set("depth", c.depth);
  stored.set("heads", c.heads);
  stored.set("dim_head", c.head_dim());
  stored.set("mlp_ratio", Config::mlp_ratio);
  stored.set("norm_eps", c.norm_eps);
  stored.set("label_smoothing", c.label_smoothing);
}

template <class Config>
void read_tost_blocks(char const* where, Configuration const& stored, Config& c) {
  c.dim = stored_size(where, stored, "dim");
  c.depth = stored_size(where, stored, "depth");
  c.heads = stored_size(where, stored, "heads");
  if (stored.has("dim_head")) c.dim_head = stored_size(where, stored, "dim_head");
  auto const ratio = stored.get<std::int64_t>("mlp_ratio", Config::mlp_ratio);
  require_value(ratio == Config::mlp_ratio, where, "mlp_ratio", ratio, "must be 4 in this version of krate");
  for (char const* name : {"dropout", "drop_path"}) {
    auto const rate = stored.get<double>(name, 0);
    require_value(rate == 0, where, name, rate, "must be 0 in this version of krate");
  }
  c.norm_eps = stored.get<double>("norm_eps", c.norm_eps);
  c.label_smoothing = stored.get<double>("label_smoothing", c.label_smoothing);
}

}  // namespace krate::models
