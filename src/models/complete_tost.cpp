// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of a Tost's tensors tell of its configuration: all but the size of its images, of which no parameter
// depends.
#include "krate/models/complete_tost.hpp"

#include "models/official_shapes.hpp"

namespace krate::models {

namespace {

/// How many modules there are whose tensors are called first + number + second.
std::size_t count(OfficialTensors const& tensors, std::string const& first, std::string const& second,
                  std::size_t stride = 1) {
  std::size_t n = 0;
  while (tensors.find(first + std::to_string(stride * n) + second)) ++n;
  return n;
}

}  // namespace

std::vector<std::string> complete_tost(OfficialTensors const& tensors, Configuration& known) {
  constexpr char const* where = "krate::models::complete_tost";
  auto const head = shape_of(where, tensors, "head.weight", 2);
  std::size_t const convolutions = count(tensors, "patch_embed.proj.", ".0.weight", 2), patch = std::size_t(1)
                                                                                                << convolutions;
  if (!known.has("patch_size")) known.set("patch_size", std::vector<std::size_t>{patch, patch});
  set_unless(known, "channels", shape_of(where, tensors, "patch_embed.proj.0.0.weight", 4)[1]);
  set_unless(known, "dim", head[1]);
  set_unless(known, "num_classes", head[0]);
  set_unless(known, "depth", count(tensors, "blocks.", ".attn.temp"));
  set_unless(known, "class_attention_layers", count(tensors, "cls_attn_blocks.", ".gamma1"));
  auto const* const temperature = tensors.find("blocks.0.attn.temp");
  if (temperature && !temperature->shape.empty()) set_unless(known, "heads", temperature->shape.front());
  std::vector<std::string> missing;
  for (char const* key : {"heads", "image_size"})
    if (!known.has(key)) missing.push_back(key);
  return missing;
}

}  // namespace krate::models
