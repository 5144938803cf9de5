// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of a CausalCrate's tensors tell of its configuration.
#include "models/official_shapes.hpp"

namespace krate::models {

std::vector<std::string> complete_causal_crate(OfficialTensors const& tensors, Configuration& known) {
  constexpr char const* where = "krate::models::complete_causal_crate";
  auto const layer = [](std::size_t i) { return "transformer.h." + std::to_string(i); };
  std::size_t depth = 0;
  while (tensors.find(layer(depth) + ".attn.c_attn.weight")) ++depth;
  auto const words = shape_of(where, tensors, "transformer.wte.weight", 2);
  auto const inner = shape_of(where, tensors, layer(0) + ".attn.c_attn.weight", 2).front();
  set_unless(known, "vocab_size", words[0]);
  set_unless(known, "dim", words[1]);
  set_unless(known, "block_size", shape_of(where, tensors, "transformer.wpe.weight", 2).front());
  set_unless(known, "depth", depth);
  if (!known.has("overcomplete")) known.set("overcomplete", tensors.find("transformer.ln_f.weight") != nullptr);
  complete_heads(where, known, inner);
  if (known.has("heads")) return {};
  return {"heads"};
}

}  // namespace krate::models
