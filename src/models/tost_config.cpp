// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/tost_config.hpp"

#include "krate/models/objective.hpp"
#include "models/image_fields.hpp"
#include "models/tost_fields.hpp"

namespace krate::models {

namespace {

constexpr char const* in_tost_config = "krate::models::TostConfig";

}  // namespace

std::vector<std::size_t> TostConfig::widths() const {
  std::vector<std::size_t> all;
  for (std::size_t side = patch_size / 2; side > 0; side /= 2) all.push_back(dim / side);
  return all;
}

void TostConfig::validate() const {
  require_size(in_tost_config, image_size.height, "image_size.height");
  require_size(in_tost_config, image_size.width, "image_size.width");
  require_value(patch_size == 2 || patch_size == 4 || patch_size == 8 || patch_size == 16, in_tost_config, "patch_size",
                patch_size, "must be 2, 4, 8 or 16: convolutions halve the image");
  require_value(image_size.height % patch_size == 0 && image_size.width % patch_size == 0, in_tost_config, "patch_size",
                patch_size, "must divide height and width of the image");
  require_size(in_tost_config, channels, "channels");
  require_size(in_tost_config, classes, "classes");
  require_size(in_tost_config, class_layers, "class_layers", 10000);
  require_transformer(in_tost_config, *this);
  require_value(dim % heads == 0, in_tost_config, "heads", heads, ("must divide dim = " + std::to_string(dim)).c_str());
  require_value(dim_head == 0 || dim_head == head_dim(), in_tost_config, "dim_head", dim_head, "must be dim / heads");
  require_value(
      dim % (patch_size / 2) == 0, in_tost_config, "dim", dim,
      ("must be a multiple of " + std::to_string(patch_size / 2) + " with patches of " + std::to_string(patch_size))
          .c_str());
  require_value(batch_norm_eps > 0, in_tost_config, "batch_norm_eps", batch_norm_eps, "must be positive");
  require_value(batch_norm_momentum > 0 && batch_norm_momentum <= 1, in_tost_config, "batch_norm_momentum",
                batch_norm_momentum, "must be in (0, 1]");
  if (mcr2) mcr2->validate(in_tost_config);
}

Configuration TostConfig::configuration() const {
  Configuration c;
  c.set("model", "tost");
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("patch_size", std::vector<std::size_t>{patch_size, patch_size});
  c.set("channels", channels);
  c.set("num_classes", classes);
  c.set("class_attention_layers", class_layers);
  c.set("qkv_bias", true);
  c.set("batch_norm_eps", batch_norm_eps);
  c.set("batch_norm_momentum", batch_norm_momentum);
  store_tost_blocks(*this, c);
  store_objective(mcr2, c);
  return c;
}

TostConfig TostConfig::from(Configuration const& stored) {
  TostConfig c;
  c.image_size = stored_extent(in_tost_config, stored, "image_size");
  auto const patch = stored_extent(in_tost_config, stored, "patch_size");
  require_value(patch.height == patch.width, in_tost_config, "patch_size", patch.height,
                "must be the same in both directions");
  c.patch_size = patch.height;
  c.channels = stored_size(in_tost_config, stored, "channels");
  c.classes = stored_size(in_tost_config, stored, "num_classes");
  if (stored.has("class_attention_layers"))
    c.class_layers = stored_size(in_tost_config, stored, "class_attention_layers");
  require_value(stored.get<std::int64_t>("qkv_bias", 1) != 0, in_tost_config, "qkv_bias", 0, "must be 1");
  c.batch_norm_eps = stored.get<double>("batch_norm_eps", c.batch_norm_eps);
  c.batch_norm_momentum = stored.get<double>("batch_norm_momentum", c.batch_norm_momentum);
  read_tost_blocks(in_tost_config, stored, c);
  c.mcr2 = stored_objective(stored);
  c.validate();
  return c;
}

TostConfig tost_config(std::string const& name, std::size_t classes) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {{"tiny_12", 192, 12, 4},  {"small_12", 384, 12, 8},  {"tiny_24", 192, 24, 4},
                            {"small_24", 384, 24, 8}, {"medium_24", 512, 24, 8}, {"large_24", 768, 24, 16}};
  for (auto const& s : sizes) {
    for (std::size_t const patch : {16, 8}) {
      if (name != std::string(s.name) + "_p" + std::to_string(patch)) continue;
      return {.image_size = 224,
              .patch_size = patch,
              .channels = 3,
              .dim = s.dim,
              .depth = s.depth,
              .heads = s.heads,
              .classes = classes};
    }
  }
  throw ValueError("krate::models::tost_config", "there is no size named " + name +
                                                     "; use tiny_12, small_12, tiny_24, small_24, medium_24 or "
                                                     "large_24, and _p16 or _p8 behind it");
}

}  // namespace krate::models
