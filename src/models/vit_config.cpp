// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/vit_config.hpp"

#include "krate/models/objective.hpp"
#include "models/image_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* in_vit_config = "krate::models::VitConfig";
}

void VitConfig::validate() const {
  require_size(in_vit_config, image_size.height, "image_size.height");
  require_size(in_vit_config, image_size.width, "image_size.width");
  require_size(in_vit_config, patch_size.height, "patch_size.height");
  require_size(in_vit_config, patch_size.width, "patch_size.width");
  require_value(image_size.height % patch_size.height == 0, in_vit_config, "patch_size.height", patch_size.height,
                ("must divide the image's height " + std::to_string(image_size.height)).c_str());
  require_value(image_size.width % patch_size.width == 0, in_vit_config, "patch_size.width", patch_size.width,
                ("must divide the image's width " + std::to_string(image_size.width)).c_str());
  require_size(in_vit_config, channels, "channels");
  require_size(in_vit_config, classes, "classes");
  require_transformer(in_vit_config, *this);
  if (mcr2) mcr2->validate(in_vit_config);
}

Configuration VitConfig::configuration() const {
  Configuration c;
  c.set("model", "vit");
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("patch_size", std::vector<std::size_t>{patch_size.height, patch_size.width});
  c.set("channels", channels);
  c.set("num_classes", classes);
  store_transformer(*this, c);
  store_objective(mcr2, c);
  return c;
}

VitConfig VitConfig::from(Configuration const& stored) {
  VitConfig c;
  c.image_size = stored_extent(in_vit_config, stored, "image_size");
  c.patch_size = stored_extent(in_vit_config, stored, "patch_size");
  c.channels = stored_size(in_vit_config, stored, "channels");
  c.classes = stored_size(in_vit_config, stored, "num_classes");
  read_transformer(in_vit_config, stored, c);
  c.mcr2 = stored_objective(stored);
  c.validate();
  return c;
}

VitConfig vit_config(std::string const& name, std::size_t classes) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {
      {"tiny", 192, 12, 3}, {"small", 384, 12, 6}, {"base", 768, 12, 12}, {"large", 1024, 24, 16}};
  for (auto const& s : sizes) {
    if (name != s.name) continue;
    return {.image_size = 224,
            .patch_size = 16,
            .channels = 3,
            .dim = s.dim,
            .depth = s.depth,
            .heads = s.heads,
            .classes = classes};
  }
  throw ValueError("krate::models::vit_config", "there is no size named " + name + "; use tiny, small, base or large");
}

}  // namespace krate::models
