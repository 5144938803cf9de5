// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/block.hpp"

namespace krate::models {

BlockParameters BlockParameters::list(ParameterTable& table, BlockConfig const& config, BlockNames const& official,
                                      std::size_t index) {
  std::size_t const d = config.dim, inner = config.inner();
  std::string const number = std::to_string(index), name = "blocks/" + std::string(number.size() < 2, '0') + number,
                    block = official.blocks + number, output = block + official.output;
  BlockParameters p{};
  p.norm_mssa_weight =
      table.add(name + "/norm_mssa/weight", block + official.norm_mssa + ".weight", {d}, {Initial::one});
  p.first = p.norm_mssa_weight;
  p.norm_mssa_bias = table.add(name + "/norm_mssa/bias", block + official.norm_mssa + ".bias", {d}, {Initial::zero});
  p.projection =
      table.add(name + "/mssa/projection", block + official.projection, {inner, d}, Initial::linear(d), Split::by_head);
  if (config.has_output_map()) {
    p.output_weight = table.add(name + "/mssa/output/weight", output + ".weight", {d, inner}, Initial::linear(inner),
                                Split::by_column);
    if (config.output_bias)
      p.output_bias = table.add(name + "/mssa/output/bias", output + ".bias", {d}, Initial::linear(inner));
  }
  p.norm_ista_weight =
      table.add(name + "/norm_ista/weight", block + official.norm_ista + ".weight", {d}, {Initial::one});
  p.norm_ista_bias = table.add(name + "/norm_ista/bias", block + official.norm_ista + ".bias", {d}, {Initial::zero});
  if (!config.coding.overcomplete()) {
    p.dictionary = table.add(name + "/ista/dictionary", block + official.dictionary, {d, d}, Initial::kaiming(d));
    p.last = p.dictionary + 1;
    return p;
  }
  std::size_t const codes = d * config.coding.expansion;
  auto const shape = config.coding.transposed ? std::vector<std::size_t>{codes, d} : std::vector<std::size_t>{d, codes};
  p.dictionary = table.add(name + "/ista/dictionary", block + official.dictionary, shape, Initial::kaiming(d));
  p.decoder = p.dictionary;
  if (config.coding.own_decoder)
    p.decoder = table.add(name + "/ista/decoder", block + official.decoder, shape, Initial::kaiming(d));
  p.last = p.decoder + 1;
  return p;
}

}  // namespace krate::models
