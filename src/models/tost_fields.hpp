// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the configurations of both ToSTs have in common: the way to and from model files.
#pragma once

#include "models/transformer_fields.hpp"

namespace krate::models {

template <class Config>
void store_tost_blocks(Config const& c, Configuration& stored) {
  store_transformer(c, stored);
  stored.set("mlp_ratio", Config::mlp_ratio);
}

template <class Config>
void read_tost_blocks(char const* where, Configuration const& stored, Config& c) {
  read_transformer(where, stored, c);
  auto const ratio = stored.get<std::int64_t>("mlp_ratio", Config::mlp_ratio);
  require_value(ratio == Config::mlp_ratio, where, "mlp_ratio", ratio, "must be 4 in this version of krate");
  for (char const* name : {"dropout", "drop_path"}) {
    auto const rate = stored.get<double>(name, 0);
    require_value(rate == 0, where, name, rate, "must be 0 in this version of krate");
  }
}

}  // namespace krate::models
