// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/csc_ctrl_config.hpp"

#include <cmath>

#include "krate/core/require.hpp"

namespace krate::models {

std::vector<ConvShape> CscCtrlConfig::layers() const {
  std::vector<ConvShape> all;
  ConvShape next{0, channels, image_size.height, image_size.width, width, 4, 2, 1};
  while (next.height >= 8 && next.width >= 8 && next.height % 2 == 0 && next.width % 2 == 0) {
    all.push_back(next);
    next = {0, next.atoms, next.code_height(), next.code_width(), 2 * next.atoms, 4, 2, 1};
  }
  next.atoms = dim;
  next.kernel = next.height;
  next.stride = 1;
  next.padding = 0;
  all.push_back(next);
  return all;
}

void CscCtrlConfig::validate() const {
  constexpr char const* where = "krate::models::CscCtrlConfig";
  auto const size = [&](std::size_t value, char const* name, std::size_t most) {
    require_value(value > 0, where, name, value, "must be positive");
    require_value(value <= most, where, name, value, ("must be at most " + std::to_string(most)).c_str());
  };
  size(image_size.height, "image_size.height", 4096);
  size(image_size.width, "image_size.width", 4096);
  require_value(image_size.height == image_size.width, where, "image_size.width", image_size.width,
                "must be the height: the last kernel is a square");
  size(channels, "channels", 4096);
  size(width, "width", 4096);
  size(dim, "dim", 1 << 16);
  size(classes, "classes", 1 << 16);
  size(steps, "steps", 1000);
  auto const last = layers().back();
  require_value(last.height < 8, where, "image_size.height", image_size.height,
                "must be 1 to 7 times a power of 2; resize the images");
  require_value(layers().size() > 1, where, "image_size.height", image_size.height, "must be at least 8");
  require_value(eps_squared > 0 && std::isfinite(eps_squared), where, "eps_squared", eps_squared,
                "must be positive and finite; CTRL uses 0.5");
  require_value(lambda >= 0, where, "lambda", lambda, "must not be negative");
  require_value(mu >= 0, where, "mu", mu, "must not be negative");
  require_value(norm_eps > 0, where, "norm_eps", norm_eps, "must be positive; 1e-5 is usual");
}

Configuration CscCtrlConfig::configuration() const {
  Configuration c;
  c.set("model", name());
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("channels", channels);
  c.set("width", width);
  c.set("dim", dim);
  c.set("num_classes", classes);
  c.set("game", binary ? "binary" : "multi");
  c.set("eps_squared", eps_squared);
  c.set("norm_eps", norm_eps);
  if (!sparse) return c;
  c.set("code_steps", steps);
  c.set("lambda", lambda);
  c.set("mu", mu);
  c.set("nonnegative", static_cast<std::int64_t>(nonnegative));
  return c;
}

CscCtrlConfig CscCtrlConfig::from(Configuration const& stored) {
  constexpr char const* where = "krate::models::CscCtrlConfig";
  auto const count = [&](char const* name) {
    auto const value = stored.get<std::int64_t>(name);
    require_value(value >= 0, where, name, value, "must be positive");
    return static_cast<std::size_t>(value);
  };
  CscCtrlConfig c;
  c.sparse = stored.get<std::string>("model") == "csc_ctrl";
  auto const image = stored.get<std::vector<std::int64_t>>("image_size");
  require_value(image.size() == 2 && image[0] > 0 && image[1] > 0, where, "image_size", krate::impl::shape_text(image),
                "must be two positive numbers");
  c.image_size = {static_cast<std::size_t>(image[0]), static_cast<std::size_t>(image[1])};
  c.channels = count("channels");
  c.width = count("width");
  c.dim = count("dim");
  c.classes = count("num_classes");
  c.binary = stored.get<std::string>("game") == "binary";
  c.eps_squared = stored.get<double>("eps_squared");
  c.norm_eps = stored.get<double>("norm_eps", c.norm_eps);
  if (c.sparse) {
    c.steps = count("code_steps");
    c.lambda = stored.get<double>("lambda");
    c.mu = stored.get<double>("mu", 0.0);
    c.nonnegative = stored.get<std::int64_t>("nonnegative", 0) != 0;
  }
  c.validate();
  return c;
}

}  // namespace krate::models
