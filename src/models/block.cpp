// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/block.hpp"

namespace krate::models {

BlockParameters BlockParameters::list(ParameterTable& table, BlockConfig const& config, BlockNames const& official,
                                      std::size_t index) {
  std::size_t const d = config.dim, inner = config.inner();
  std::string const number = std::to_string(index), block = official.blocks + number,
                    ours = "blocks/" + std::string(number.size() < 2, '0') + number,
                    attention = ours + "/" + name(config.attention), norm = ours + "/norm_";
  auto const weight = [](double deviation, std::size_t fan_in) {
    return deviation > 0 ? Initial{Initial::normal, deviation} : Initial::linear(fan_in);
  };
  auto const bias = [](double deviation, std::size_t fan_in) {
    return deviation > 0 ? Initial{Initial::zero} : Initial::linear(fan_in);
  };
  auto const list_norm = [&](char const* half, std::string const& names, std::size_t& first, std::size_t& second) {
    first = table.add(norm + half + "/weight", block + names + ".weight", {d}, {Initial::one});
    second = table.add(norm + half + "/bias", block + names + ".bias", {d}, {Initial::zero});
  };
  BlockParameters p{};
  list_norm(name(config.attention), official.norm_mssa, p.norm_mssa_weight, p.norm_mssa_bias);
  p.first = p.norm_mssa_weight;
  if (config.has_mhsa()) {
    p.projection = table.add(attention + "/projection/weight", block + official.qkv + ".weight", {3 * inner, d},
                             weight(config.deviation, d));
    if (config.projection_bias)
      p.projection_bias = table.add(attention + "/projection/bias", block + official.qkv + ".bias", {3 * inner},
                                    bias(config.deviation, d));
  } else {
    p.projection = table.add(attention + "/projection", block + official.projection, {inner, d}, Initial::linear(d),
                             Split::by_head);
  }
  if (config.has_output_map()) {
    double const deviation = config.has_mhsa() ? config.output_deviation : 0;
    p.output_weight = table.add(attention + "/output/weight", block + official.output + ".weight", {d, inner},
                                weight(deviation, inner), Split::by_column);
    if (config.output_bias)
      p.output_bias =
          table.add(attention + "/output/bias", block + official.output + ".bias", {d}, bias(deviation, inner));
  }
  list_norm(name(config.feed_forward), official.norm_ista, p.norm_ista_weight, p.norm_ista_bias);
  p.last = p.norm_ista_bias + 1;
  if (config.has_mlp()) return p;
  if (!config.coding.overcomplete()) {
    p.dictionary = table.add(ours + "/ista/dictionary", block + official.dictionary, {d, d}, Initial::kaiming(d));
    p.last = p.dictionary + 1;
    return p;
  }
  std::size_t const codes = d * config.coding.expansion;
  auto const shape = config.coding.transposed ? std::vector<std::size_t>{codes, d} : std::vector<std::size_t>{d, codes};
  p.dictionary = table.add(ours + "/ista/dictionary", block + official.dictionary, shape, Initial::kaiming(d));
  p.decoder = p.dictionary;
  if (config.coding.own_decoder)
    p.decoder = table.add(ours + "/ista/decoder", block + official.decoder, shape, Initial::kaiming(d));
  p.last = p.decoder + 1;
  return p;
}

}  // namespace krate::models
