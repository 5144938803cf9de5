// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/crate_config.hpp"

#include <vector>

#include "krate/core/require.hpp"
#include "krate/models/objective.hpp"

namespace krate::models {

void CrateConfig::validate() const {
  constexpr char const* where = "krate::models::CrateConfig";
  auto const positive = [&](std::size_t value, char const* name) {
    require_value(value > 0, where, name, value, "must be positive");
  };
  positive(image_size.height, "image_size.height");
  positive(image_size.width, "image_size.width");
  positive(patch_size.height, "patch_size.height");
  positive(patch_size.width, "patch_size.width");
  positive(channels, "channels");
  positive(dim, "dim");
  positive(depth, "depth");
  require_value(depth <= 10000, where, "depth", depth, "must be at most 10000");
  positive(heads, "heads");
  positive(classes, "classes");
  require_value(image_size.height % patch_size.height == 0, where, "patch_size.height", patch_size.height,
                ("must divide the image's height " + std::to_string(image_size.height)).c_str());
  require_value(image_size.width % patch_size.width == 0, where, "patch_size.width", patch_size.width,
                ("must divide the image's width " + std::to_string(image_size.width)).c_str());
  require_value(
      dim_head > 0 || dim % heads == 0, where, "heads", heads,
      ("must divide dim = " + std::to_string(dim) + "; choose another number of heads, or give dim_head").c_str());
  require_value(eta > 0, where, "eta", eta, "must be positive; CRATE uses 0.1");
  require_value(lambda >= 0, where, "lambda", lambda, "must not be negative; CRATE uses 0.1");
  require_value(norm_eps > 0, where, "norm_eps", norm_eps, "must be positive; CRATE uses 1e-5");
  require_value(final_norm_eps >= 0, where, "final_norm_eps", final_norm_eps,
                "must not be negative; 0 is that of the other norms");
  require_value(label_smoothing >= 0 && label_smoothing < 1, where, "label_smoothing", label_smoothing,
                "must be in [0, 1)");
  if (mcr2) mcr2->validate(where);
}

Configuration CrateConfig::configuration() const {
  Configuration c;
  c.set("model", "crate");
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("patch_size", std::vector<std::size_t>{patch_size.height, patch_size.width});
  c.set("channels", channels);
  c.set("dim", dim);
  c.set("depth", depth);
  c.set("heads", heads);
  c.set("dim_head", head_dim());
  c.set("num_classes", classes);
  c.set("pool", pool == Pool::cls ? "cls" : "mean");
  c.set("eta", eta);
  c.set("lambda", lambda);
  c.set("norm_eps", norm_eps);
  c.set("label_smoothing", label_smoothing);
  if (attention != AttentionKind::mssa) c.set("attention", name(attention));
  if (feed_forward != FeedForwardKind::ista) c.set("feed_forward", name(feed_forward));
  if (!embedding_norms) c.set("patch_embedding", "linear");
  if (final_norm_eps > 0) c.set("final_norm_eps", final_norm_eps);
  store_objective(mcr2, c);
  return c;
}

CrateConfig CrateConfig::from(Configuration const& stored) {
  constexpr char const* where = "krate::models::CrateConfig";
  auto const count = [&](char const* name, std::size_t otherwise) {
    auto const value = stored.get<std::int64_t>(name, static_cast<std::int64_t>(otherwise));
    // No real model comes near; beyond it products of extents could overflow.
    require_value(value >= 0 && value <= 1 << 24, where, name, value, "must be between 0 and 2^24");
    return static_cast<std::size_t>(value);
  };
  auto const required = [&](char const* name) {
    stored.get<std::int64_t>(name);
    return count(name, 0);
  };
  auto const extent = [&](char const* name) {
    auto const v = stored.get<std::vector<std::int64_t>>(name);
    require_value(v.size() == 1 || v.size() == 2, where, name, krate::impl::shape_text(v),
                  "must be one or two numbers");
    for (auto const e : v) require_value(e > 0 && e <= 1 << 24, where, name, e, "must be between 1 and 2^24");
    return Extent2(static_cast<std::size_t>(v.front()), static_cast<std::size_t>(v.back()));
  };
  CrateConfig c;
  auto const pool = stored.get<std::string>("pool", "cls");
  require_value(pool == "cls" || pool == "mean", where, "pool", pool, "must be cls or mean");
  c.image_size = extent("image_size");
  c.patch_size = extent("patch_size");
  c.channels = required("channels");
  c.dim = required("dim");
  c.depth = required("depth");
  c.heads = required("heads");
  c.dim_head = count("dim_head", 0);
  c.classes = required("num_classes");
  c.pool = pool == "cls" ? Pool::cls : Pool::mean;
  c.eta = stored.get<double>("eta", c.eta);
  c.lambda = stored.get<double>("lambda", c.lambda);
  c.norm_eps = stored.get<double>("norm_eps", c.norm_eps);
  c.label_smoothing = stored.get<double>("label_smoothing", c.label_smoothing);
  c.attention = parse_attention(stored.get<std::string>("attention", name(c.attention)));
  c.feed_forward = parse_feed_forward(stored.get<std::string>("feed_forward", name(c.feed_forward)));
  auto const embedding = stored.get<std::string>("patch_embedding", "normed");
  require_value(embedding == "normed" || embedding == "linear", where, "patch_embedding", embedding,
                "must be normed or linear");
  c.embedding_norms = embedding == "normed";
  c.final_norm_eps = stored.get<double>("final_norm_eps", c.final_norm_eps);
  c.mcr2 = stored_objective(stored);
  c.validate();
  return c;
}

CrateConfig crate_config(std::string const& name, std::size_t classes) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {
      {"tiny", 384, 12, 6}, {"small", 576, 12, 12}, {"base", 768, 12, 12}, {"large", 1024, 24, 16}};
  for (auto const& s : sizes) {
    if (name == s.name) {
      return {.image_size = 224,
              .patch_size = 16,
              .channels = 3,
              .dim = s.dim,
              .depth = s.depth,
              .heads = s.heads,
              .classes = classes};
    }
  }
  throw ValueError("krate::models::crate_config",
                   "there is no size named " + name + "; use tiny, small, base or large");
}

}  // namespace krate::models
