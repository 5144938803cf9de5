// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of a CausalCrate's or Gpt2's tensors tell of its configuration.
#include "models/official_shapes.hpp"

namespace krate::models {

namespace {

/// What both have; `projections` of tokens stand in one map.
std::vector<std::string> complete_causal(char const* where, OfficialTensors const& tensors, Configuration& known,
                                         std::size_t projections) {
  auto const projection = [](std::size_t i) { return "transformer.h." + std::to_string(i) + ".attn.c_attn.weight"; };
  std::size_t depth = 0;
  while (tensors.find(projection(depth))) ++depth;
  auto const words = shape_of(where, tensors, "transformer.wte.weight", 2);
  auto const rows = shape_of(where, tensors, projection(0), 2).front();
  set_unless(known, "vocab_size", words[0]);
  set_unless(known, "dim", words[1]);
  set_unless(known, "block_size", shape_of(where, tensors, "transformer.wpe.weight", 2).front());
  set_unless(known, "depth", depth);
  complete_heads(where, known, rows / projections);
  if (known.has("heads")) return {};
  return {"heads"};
}

}  // namespace

std::vector<std::string> complete_causal_crate(OfficialTensors const& tensors, Configuration& known) {
  if (!known.has("overcomplete")) known.set("overcomplete", tensors.find("transformer.ln_f.weight") != nullptr);
  return complete_causal("krate::models::complete_causal_crate", tensors, known, 1);
}

std::vector<std::string> complete_gpt2(OfficialTensors const& tensors, Configuration& known) {
  return complete_causal("krate::models::complete_gpt2", tensors, known, 3);
}

}  // namespace krate::models
