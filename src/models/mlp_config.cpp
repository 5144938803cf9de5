// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/mlp_config.hpp"

#include <vector>

#include "krate/core/require.hpp"
#include "krate/models/objective.hpp"

namespace krate::models {

void MlpConfig::validate() const {
  constexpr char const* where = "krate::models::MlpConfig";
  auto const size = [&](std::size_t value, char const* name) {
    require_value(value > 0, where, name, value, "must be positive");
    require_value(value <= 1 << 24, where, name, value, "must be at most 2^24");  // products of two cannot overflow
  };
  size(image_size.height, "image_size.height");
  size(image_size.width, "image_size.width");
  size(channels, "channels");
  size(hidden, "hidden");
  size(dim, "dim");
  size(classes, "classes");
  require_value(
      static_cast<double>(channels) * static_cast<double>(image_size.height) * static_cast<double>(image_size.width) <=
          1 << 24,
      where, "image_size", image_size.height, "must not give an image more than 2^24 pixels");
  require_value(norm_eps > 0, where, "norm_eps", norm_eps, "must be positive; 1e-5 is usual");
  require_value(label_smoothing >= 0 && label_smoothing < 1, where, "label_smoothing", label_smoothing,
                "must be in [0, 1)");
  if (mcr2) mcr2->validate(where);
}

Configuration MlpConfig::configuration() const {
  Configuration c;
  c.set("model", "mlp");
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("channels", channels);
  c.set("hidden", hidden);
  c.set("dim", dim);
  c.set("num_classes", classes);
  c.set("norm_eps", norm_eps);
  c.set("label_smoothing", label_smoothing);
  store_objective(mcr2, c);
  return c;
}

MlpConfig MlpConfig::from(Configuration const& stored) {
  constexpr char const* where = "krate::models::MlpConfig";
  auto const count = [&](char const* name) {
    auto const value = stored.get<std::int64_t>(name);
    require_value(value >= 0, where, name, value, "must be positive");
    return static_cast<std::size_t>(value);
  };
  auto const image = stored.get<std::vector<std::int64_t>>("image_size");
  require_value(image.size() == 2 && image[0] > 0 && image[1] > 0, where, "image_size", krate::impl::shape_text(image),
                "must be two positive numbers");
  MlpConfig c;
  c.image_size = {static_cast<std::size_t>(image[0]), static_cast<std::size_t>(image[1])};
  c.channels = count("channels");
  c.hidden = count("hidden");
  c.dim = count("dim");
  c.classes = count("num_classes");
  c.norm_eps = stored.get<double>("norm_eps", c.norm_eps);
  c.label_smoothing = stored.get<double>("label_smoothing", c.label_smoothing);
  c.mcr2 = stored_objective(stored);
  c.validate();
  return c;
}

}  // namespace krate::models
