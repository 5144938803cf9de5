// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/flatnet_config.hpp"

#include <map>

#include "krate/core/require.hpp"

namespace krate::models {

std::size_t FlatnetConfig::manifold_dim() const {
  std::map<std::size_t, std::size_t> counts;
  for (std::size_t const d : layers) ++counts[d];
  std::size_t found = 0, most = 0;
  for (auto const& [d, count] : counts) {
    if (count <= most) continue;
    most = count;
    found = d;
  }
  return found;
}

void FlatnetConfig::validate() const {
  constexpr char const* where = "krate::models::FlatnetConfig";
  require_value(dim > 0 && dim <= (std::size_t(1) << 20), where, "dim", dim, "must be from 1 to 1048576");
  require_value(layers.size() <= 100000, where, "layers", layers.size(), "must be at most 100000");
  for (std::size_t const d : layers)
    require_value(d > 0 && d <= dim, where, "layer_dims", d, "must be from 1 to dim, in each layer");
}

Configuration FlatnetConfig::configuration() const {
  Configuration c;
  c.set("model", "flatnet");
  c.set("dim", dim);
  c.set("layers", layers.size());
  if (!layers.empty()) c.set("layer_dims", layers);
  return c;
}

FlatnetConfig FlatnetConfig::from(Configuration const& stored) {
  constexpr char const* where = "krate::models::FlatnetConfig";
  FlatnetConfig c;
  auto const count = [&](std::int64_t value, char const* name) {
    require_value(value >= 0, where, name, value, "must not be negative");
    return static_cast<std::size_t>(value);
  };
  c.dim = count(stored.get<std::int64_t>("dim"), "dim");
  auto const depth = count(stored.get<std::int64_t>("layers"), "layers");
  if (depth > 0)
    for (auto const d : stored.get<std::vector<std::int64_t>>("layer_dims")) c.layers.push_back(count(d, "layer_dims"));
  require_value(c.layers.size() == depth, where, "layers", depth, "must be the number of layer_dims");
  c.validate();
  return c;
}

}  // namespace krate::models
