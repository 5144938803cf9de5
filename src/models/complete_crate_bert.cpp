// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of a CrateBert's tensors tell of its configuration.
#include "models/official_shapes.hpp"

namespace krate::models {

std::vector<std::string> complete_crate_bert(OfficialTensors const& tensors, Configuration& known) {
  constexpr char const* where = "krate::models::complete_crate_bert";
  std::string const embeddings = "crate.embeddings.";
  auto const projection = [](std::size_t i) {
    return "crate.encoder.layer." + std::to_string(i) + ".attention.self.qkv.weight";
  };
  std::size_t depth = 0;
  while (tensors.find(projection(depth))) ++depth;
  auto const words = shape_of(where, tensors, embeddings + "word_embeddings.weight", 2);
  auto const inner = shape_of(where, tensors, projection(0), 2).front();
  auto const* const types = tensors.find(embeddings + "token_type_embeddings.weight");  // may have one row
  set_unless(known, "vocab_size", words[0]);
  set_unless(known, "dim", words[1]);
  set_unless(known, "max_position_embeddings",
             shape_of(where, tensors, embeddings + "position_embeddings.weight", 2).front());
  if (types && !types->shape.empty()) set_unless(known, "type_vocab_size", types->shape.front());
  set_unless(known, "depth", depth);
  complete_heads(where, known, inner);
  if (known.has("heads")) return {};
  return {"heads"};
}

}  // namespace krate::models
