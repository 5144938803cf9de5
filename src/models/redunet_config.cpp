// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/redunet_config.hpp"

#include <cmath>

#include "krate/core/require.hpp"

namespace krate::models {

void RedunetConfig::validate() const {
  constexpr char const* where = "krate::models::RedunetConfig";
  auto const size = [&](std::size_t value, char const* name, std::size_t most) {
    require_value(value > 0, where, name, value, "must be positive");
    require_value(value <= most, where, name, value, ("must be at most " + std::to_string(most)).c_str());
  };
  size(dim, "dim", 1 << 24);
  size(layers, "layers", 10000);
  size(classes, "classes", 1 << 24);
  auto const positive = [&](double value, char const* name, char const* must) {
    require_value(value > 0 && std::isfinite(value), where, name, value, must);
  };
  positive(eta, "eta", "must be positive and finite; ReduNet uses 0.5");
  positive(eps_squared, "eps_squared", "must be positive and finite; ReduNet uses 0.1");
  positive(lambda_s, "lambda_s", "must be positive and finite; ReduNet uses 500");
}

Configuration RedunetConfig::configuration() const {
  Configuration c;
  c.set("model", "redunet");
  c.set("dim", dim);
  c.set("layers", layers);
  c.set("num_classes", classes);
  c.set("eta", eta);
  c.set("eps_squared", eps_squared);
  c.set("lambda_s", lambda_s);
  return c;
}

RedunetConfig RedunetConfig::from(Configuration const& stored) {
  auto const count = [&](char const* name) {
    auto const value = stored.get<std::int64_t>(name);
    require_value(value >= 0, "krate::models::RedunetConfig", name, value, "must be positive");
    return static_cast<std::size_t>(value);
  };
  RedunetConfig c;
  c.dim = count("dim");
  c.layers = count("layers");
  c.classes = count("num_classes");
  c.eta = stored.get<double>("eta");
  c.eps_squared = stored.get<double>("eps_squared");
  c.lambda_s = stored.get<double>("lambda_s");
  c.validate();
  return c;
}

}  // namespace krate::models
