// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the configurations of language models and ToSTs have in common: checks, and the way to and from model files.
#pragma once

#include <string>

#include "krate/core/configuration.hpp"
#include "krate/core/require.hpp"

namespace krate::models {

inline void require_size(char const* where, std::size_t value, char const* name, std::size_t most = 1 << 24) {
  require_value(value > 0, where, name, value, "must be positive");
  require_value(value <= most, where, name, value, ("must be at most " + std::to_string(most)).c_str());
}

inline std::size_t stored_size(char const* where, Configuration const& stored, char const* name) {
  auto const value = stored.get<std::int64_t>(name);
  require_value(value >= 0 && value <= 1 << 24, where, name, value, "must be between 0 and 2^24");
  return static_cast<std::size_t>(value);
}

/// dim, depth, heads, dim_head, norm_eps and label_smoothing of a configuration.
template <class Config>
void require_transformer(char const* where, Config const& c) {
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
void store_transformer(Config const& c, Configuration& stored) {
  stored.set("dim", c.dim);
  stored.set("depth", c.depth);
  stored.set("heads", c.heads);
  stored.set("dim_head", c.head_dim());
  stored.set("norm_eps", c.norm_eps);
  stored.set("label_smoothing", c.label_smoothing);
}

template <class Config>
void read_transformer(char const* where, Configuration const& stored, Config& c) {
  c.dim = stored_size(where, stored, "dim");
  c.depth = stored_size(where, stored, "depth");
  c.heads = stored_size(where, stored, "heads");
  if (stored.has("dim_head")) c.dim_head = stored_size(where, stored, "dim_head");
  c.norm_eps = stored.get<double>("norm_eps", c.norm_eps);
  c.label_smoothing = stored.get<double>("label_smoothing", c.label_smoothing);
}

/// The same of a model with sparse coding, and its eta and lambda.
template <class Config>
void require_blocks(char const* where, Config const& c) {
  require_transformer(where, c);
  require_value(c.eta > 0, where, "eta", c.eta, "must be positive; CRATE uses 0.1");
  require_value(c.lambda >= 0, where, "lambda", c.lambda, "must not be negative; CRATE uses 0.1");
}

template <class Config>
void store_blocks(Config const& c, Configuration& stored) {
  store_transformer(c, stored);
  stored.set("eta", c.eta);
  stored.set("lambda", c.lambda);
}

template <class Config>
void read_blocks(char const* where, Configuration const& stored, Config& c) {
  read_transformer(where, stored, c);
  c.eta = stored.get<double>("eta", c.eta);
  c.lambda = stored.get<double>("lambda", c.lambda);
}

}  // namespace krate::models
