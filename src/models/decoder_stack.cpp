// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/decoder_stack.hpp"

namespace krate::models {

DecoderBlockParameters DecoderBlockParameters::list(ParameterTable& table, BlockConfig const& config,
                                                    std::size_t index) {
  std::size_t const d = config.dim, inner = config.inner();
  std::string const number = std::to_string(index),
                    name = "decoder_blocks/" + std::string(number.size() < 2, '0') + number,
                    first = "decoder_blocks." + number + ".layers.0.0.",
                    second = "decoder_blocks." + number + ".layers.0.1.";
  DecoderBlockParameters p{};
  p.norm_dictionary_weight = table.add(name + "/norm_dictionary/weight", first + "norm.weight", {d}, {Initial::one});
  p.first = p.norm_dictionary_weight;
  p.norm_dictionary_bias = table.add(name + "/norm_dictionary/bias", first + "norm.bias", {d}, {Initial::zero});
  p.dictionary = table.add(name + "/dictionary", first + "fn.weight", {d, d}, Initial::kaiming(d));
  p.norm_mssa_weight = table.add(name + "/norm_mssa/weight", second + "norm.weight", {d}, {Initial::one});
  p.norm_mssa_bias = table.add(name + "/norm_mssa/bias", second + "norm.bias", {d}, {Initial::zero});
  p.projection =
      table.add(name + "/mssa/projection", second + "fn.qkv.weight", {inner, d}, Initial::linear(d), Split::by_head);
  p.last = p.projection + 1;
  if (config.has_output_map()) {
    p.output_weight = table.add(name + "/mssa/output/weight", second + "fn.to_out.0.weight", {d, inner},
                                Initial::linear(inner), Split::by_column);
    p.output_bias = table.add(name + "/mssa/output/bias", second + "fn.to_out.0.bias", {d}, Initial::linear(inner));
    p.last = p.output_bias + 1;
  }
  return p;
}

}  // namespace krate::models
