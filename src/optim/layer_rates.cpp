// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/layer_rates.hpp"

#include <cmath>
#include <string>

#include "krate/core/require.hpp"

namespace krate::optim {

namespace {

/// "blocks/03" of "blocks/03/mssa/projection"; empty for a parameter outside of blocks.
std::string block_of(std::string const& name) {
  auto const slash = name.find('/');
  if (slash == name.npos || !name.substr(0, slash).ends_with("blocks")) return {};
  return name.substr(0, name.find('/', slash + 1));
}

}  // namespace

std::vector<double> layer_rates(std::span<Parameter const> parameters, double decay) {
  require_value(decay > 0 && decay <= 1, "krate::optim::layer_rates", "decay", decay,
                "must lie in (0, 1]; 1 means the same rate for all layers");
  std::vector<int> layers;
  std::string block;
  int layer = 0;
  constexpr int behind = -1;
  for (auto const& p : parameters) {
    auto const own = block_of(p.name);
    if (!own.empty() && own != block) {
      block = own;
      ++layer;
    }
    layers.push_back(own.empty() && layer > 0 ? behind : layer);
  }
  std::vector<double> rates;
  for (int const of : layers) rates.push_back(of == behind ? 1 : std::pow(decay, layer + 1 - of));
  return rates;
}

}  // namespace krate::optim
