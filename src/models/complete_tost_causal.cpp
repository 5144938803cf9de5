// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of a TostCausal's tensors tell of its configuration: all of it.
#include "krate/models/complete_tost.hpp"
#include "models/official_shapes.hpp"

namespace krate::models {

std::vector<std::string> complete_tost_causal(OfficialTensors const& tensors, Configuration& known) {
  constexpr char const* where = "krate::models::complete_tost_causal";
  auto const layer = [](std::size_t i) { return "transformer.h." + std::to_string(i); };
  std::size_t depth = 0;
  while (tensors.find(layer(depth) + ".attn.c_attn.weight")) ++depth;
  auto const words = shape_of(where, tensors, "transformer.wte.weight", 2);
  set_unless(known, "vocab_size", words[0]);
  set_unless(known, "dim", words[1]);
  set_unless(known, "block_size", shape_of(where, tensors, "transformer.wpe.weight", 2).front());
  set_unless(known, "depth", depth);
  auto const* const temperature = tensors.find(layer(0) + ".attn.temp");
  if (temperature && !temperature->shape.empty()) set_unless(known, "heads", temperature->shape.front());
  if (!known.has("bias")) known.set("bias", tensors.find("transformer.ln_f.bias") != nullptr);
  complete_heads(where, known, shape_of(where, tensors, layer(0) + ".attn.c_attn.weight", 2).front());
  if (known.has("heads")) return {};
  return {"heads"};
}

}  // namespace krate::models
