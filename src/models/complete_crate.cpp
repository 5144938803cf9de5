// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the shapes of its tensors tell of a model's configuration.
#include <algorithm>
#include <cmath>

#include "krate/models/block_kinds.hpp"
#include "models/official_shapes.hpp"

namespace krate::models {

namespace {

constexpr char const* in_complete_crate = "krate::models::complete_crate";

/// 0 if n is no square.
std::size_t root(std::size_t n) {
  auto const r = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(n))));
  return r < (std::size_t(1) << 32) && r * r == n ? r : 0;
}

/// Channels and patches from the pixels of a patch: 3 or 1 channels, and square patches.
void complete_patch(Configuration& known, std::size_t pixels) {
  if (!known.has("patch_size")) {
    Sizes channels{3, 1};
    if (known.has("channels"))
      channels = {static_cast<std::size_t>(std::max<std::int64_t>(1, known.get<std::int64_t>("channels")))};
    for (auto const c : channels) {
      std::size_t const side = pixels % c == 0 ? root(pixels / c) : 0;
      if (side == 0) continue;
      known.set("patch_size", Sizes{side, side});
      return set_unless(known, "channels", c);
    }
  } else if (!known.has("channels")) {
    auto const patch = known.get<std::vector<std::int64_t>>("patch_size");
    auto const least = static_cast<std::size_t>(std::max<std::int64_t>(1, patch.front())),
               most = static_cast<std::size_t>(std::max<std::int64_t>(1, patch.back()));
    require_value(pixels % least == 0 && pixels / least % most == 0, in_complete_crate, "patch_size",
                  krate::impl::shape_text(patch),
                  ("must divide the " + std::to_string(pixels) + " values of a patch").c_str());
    known.set("channels", pixels / least / most);
  }
}

void complete_image(Configuration& known, std::size_t patches) {
  std::size_t const side = root(patches);
  if (known.has("image_size") || !known.has("patch_size") || side == 0) return;
  auto image = known.get<std::vector<std::int64_t>>("patch_size");
  for (auto& extent : image)
    if (__builtin_mul_overflow(extent, static_cast<std::int64_t>(side), &extent)) return;
  known.set("image_size", Attribute(image));
}

struct AlphaNames {
  char const *convolution, *class_token, *positions, *head, *block, *projection, *output, *dictionary, *decoder;
};
constexpr AlphaNames alpha_names{"conv1.weight",
                                 "cls_token",
                                 "pos_embedding",
                                 "mlp_head.1.weight",
                                 "transformer.layers.",
                                 ".0.fn.qkv.weight",
                                 ".0.fn.to_out.0.weight",
                                 ".1.fn.D",
                                 ".1.fn.D1"},
    clip_names{"visual.conv1.weight",
               "visual.class_embedding",
               "visual.positional_embedding",
               "visual.proj",
               "visual.transformer.resblocks.",
               ".attn.in_proj_weight",
               ".attn.out_proj.weight",
               ".mlp.c_fc",
               ".mlp.c_proj"};

std::string layer(std::size_t i) {
  return "transformer.layers." + std::to_string(i);
}

/// How many layers there are, by the name of a tensor of layer i.
template <class Name>
std::size_t count_layers(OfficialTensors const& tensors, Name const& name) {
  std::size_t depth = 0;
  while (tensors.find(name(depth))) ++depth;
  return depth;
}

/// dim, image_size, heads and dim_head, after patch_size and channels. One head as wide as the tokens has no output
/// map.
void complete_tokens(OfficialTensors const& tensors, Configuration& known, char const* positions, std::size_t inner,
                     std::string const& output, char const* class_token = "cls_token") {
  auto const table = shape_of(in_complete_crate, tensors, positions, 2);
  set_unless(known, "dim", shape_of(in_complete_crate, tensors, class_token, 1).front());
  if (table.front() > 1) complete_image(known, table.front() - 1);
  if (!known.has("heads") && !tensors.find(output)) known.set("heads", std::size_t(1));
  complete_heads(in_complete_crate, known, inner);
}
void complete_blocks(OfficialTensors const& tensors, Configuration& known, bool mhsa = false) {
  std::string const projection = mhsa ? ".0.fn.to_qkv.weight" : ".0.fn.qkv.weight";
  auto const rows = shape_of(in_complete_crate, tensors, layer(0) + projection, 2).front();
  set_unless(known, "depth", count_layers(tensors, [&](std::size_t i) { return layer(i) + projection; }));
  complete_tokens(tensors, known, "pos_embedding", mhsa ? rows / 3 : rows, layer(0) + ".0.fn.to_out.0.weight");
}

/// channels and patch_size from the kernel of the convolution.
void complete_kernel(OfficialTensors const& tensors, Configuration& known, char const* name) {
  auto const kernel = shape_of(in_complete_crate, tensors, name, 4);
  set_unless(known, "channels", kernel[1]);
  if (!known.has("patch_size")) known.set("patch_size", Sizes{kernel[2], kernel[3]});
}

std::vector<std::string> missing_of(Configuration const& known) {
  std::vector<std::string> unknown;
  for (auto const* name : {"heads", "image_size", "patch_size", "channels"})
    if (!known.has(name)) unknown.emplace_back(name);
  return unknown;
}

}  // namespace

std::vector<std::string> complete_crate(OfficialTensors const& tensors, Configuration& known) {
  bool const two_maps = tensors.find("head.weight") != nullptr;  // ParameterTable::chain
  set_unless(known, "num_classes",
             shape_of(in_complete_crate, tensors, two_maps ? "head.weight" : "mlp_head.1.weight", 2).front());
  complete_patch(known, shape_of(in_complete_crate, tensors, "to_patch_embedding.2.weight", 2).back());
  bool const normed = tensors.find("to_patch_embedding.1.weight") || tensors.find("to_patch_embedding.3.weight");
  if (!normed && !known.has("patch_embedding")) known.set("patch_embedding", "linear");
  bool const mhsa = tensors.find(layer(0) + ".0.fn.to_qkv.weight"), mlp = tensors.find(layer(0) + ".1.fn.net.0.weight");
  if (mhsa && !known.has("attention")) known.set("attention", name(AttentionKind::mhsa));
  if (mlp && !known.has("feed_forward")) known.set("feed_forward", name(FeedForwardKind::mlp));
  complete_blocks(tensors, known, mhsa);
  return missing_of(known);
}

std::vector<std::string> complete_crate_alpha(OfficialTensors const& tensors, Configuration& known) {
  bool const clip = tensors.find(clip_names.convolution) != nullptr;
  auto const& names = clip ? clip_names : alpha_names;
  if (clip) known.set("clip", 1);
  auto const in_block = [&](char const* name) {
    return [=](std::size_t i) { return names.block + std::to_string(i) + name; };
  };
  complete_kernel(tensors, known, names.convolution);
  auto const head = shape_of(in_complete_crate, tensors, names.head, 2);
  set_unless(known, "num_classes", clip ? head.back() : head.front());
  auto const dictionary = shape_of(in_complete_crate, tensors, in_block(names.dictionary)(0), 2);
  if (dictionary[0] > 0) set_unless(known, "expansion", dictionary[1] / dictionary[0]);
  if (!known.has("variant") && !tensors.find(in_block(names.decoder)(0))) known.set("variant", "overcomplete");
  set_unless(known, "depth", count_layers(tensors, in_block(names.projection)));
  auto const inner = shape_of(in_complete_crate, tensors, in_block(names.projection)(0), 2).front() / (clip ? 3 : 1);
  complete_tokens(tensors, known, names.positions, inner, in_block(names.output)(0), names.class_token);
  return missing_of(known);
}

std::vector<std::string> complete_crate_mae(OfficialTensors const& tensors, Configuration& known) {
  auto const projection = [](char const* blocks, char const* which) {
    return [=](std::size_t i) { return blocks + std::to_string(i) + which + ".fn.qkv.weight"; };
  };
  auto const encoder = projection("blocks.", ".layers.0.0"), decoder = projection("decoder_blocks.", ".layers.0.1");
  complete_kernel(tensors, known, "patch_embed.proj.weight");
  set_unless(known, "depth", count_layers(tensors, encoder));
  set_unless(known, "decoder_depth", count_layers(tensors, decoder));
  complete_tokens(tensors, known, "decoder_pos_embed", shape_of(in_complete_crate, tensors, encoder(0), 2).front(),
                  "blocks.0.layers.0.0.fn.to_out.0.weight");
  if (known.has("heads"))
    set_unless(known, "decoder_heads", static_cast<std::size_t>(known.get<std::int64_t>("heads")));
  return missing_of(known);
}

std::vector<std::string> complete_vit(OfficialTensors const& tensors, Configuration& known) {
  auto const projection = [](std::size_t i) { return "blocks." + std::to_string(i) + ".attn.qkv.weight"; };
  complete_kernel(tensors, known, "patch_embed.proj.weight");
  set_unless(known, "num_classes", shape_of(in_complete_crate, tensors, "head.weight", 2).front());
  set_unless(known, "depth", count_layers(tensors, projection));
  complete_tokens(tensors, known, "pos_embed", shape_of(in_complete_crate, tensors, projection(0), 2).front() / 3,
                  "blocks.0.attn.proj.weight");
  return missing_of(known);
}

}  // namespace krate::models
