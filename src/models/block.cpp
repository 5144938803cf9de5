// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/block.hpp"

namespace krate::models {

BlockParameters BlockParameters::list(ParameterTable& table, BlockConfig const& config, std::string const& name,
                                      std::string const& official) {
  std::size_t const d = config.dim, inner = config.inner();
  BlockParameters p{};
  p.norm_mssa_weight = table.add(name + "/norm_mssa/weight", official + ".0.norm.weight", {d}, {Initial::one});
  p.first = p.norm_mssa_weight;
  p.norm_mssa_bias = table.add(name + "/norm_mssa/bias", official + ".0.norm.bias", {d}, {Initial::zero});
  p.projection = table.add(name + "/mssa/projection", official + ".0.fn.qkv.weight", {inner, d}, Initial::linear(d),
                           Split::by_head);
  if (config.has_output_map()) {
    p.output_weight = table.add(name + "/mssa/output/weight", official + ".0.fn.to_out.0.weight", {d, inner},
                                Initial::linear(inner), Split::by_column);
    p.output_bias =
        table.add(name + "/mssa/output/bias", official + ".0.fn.to_out.0.bias", {d}, Initial::linear(inner));
  }
  p.norm_ista_weight = table.add(name + "/norm_ista/weight", official + ".1.norm.weight", {d}, {Initial::one});
  p.norm_ista_bias = table.add(name + "/norm_ista/bias", official + ".1.norm.bias", {d}, {Initial::zero});
  p.dictionary = table.add(name + "/ista/dictionary", official + ".1.fn.weight", {d, d}, Initial::kaiming(d));
  p.last = p.dictionary + 1;
  return p;
}

}  // namespace krate::models
