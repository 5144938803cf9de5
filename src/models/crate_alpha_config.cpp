// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/crate_alpha_config.hpp"

#include <charconv>

#include "krate/core/require.hpp"

namespace krate::models {

namespace {
constexpr char const* in_crate_alpha_config = "krate::models::CrateAlphaConfig";
constexpr CrateAlphaConfig::Variant variants[] = {
    CrateAlphaConfig::Variant::overcomplete, CrateAlphaConfig::Variant::decoupled, CrateAlphaConfig::Variant::residual};
}  // namespace

char const* name(CrateAlphaConfig::Variant variant) {
  switch (variant) {
    case CrateAlphaConfig::Variant::overcomplete:
      return "overcomplete";
    case CrateAlphaConfig::Variant::decoupled:
      return "decoupled";
    default:
      return "residual";
  }
}

CrateAlphaConfig::Variant parse_alpha_variant(std::string const& given) {
  for (auto const variant : variants)
    if (given == name(variant)) return variant;
  throw ValueError(in_crate_alpha_config,
                   "variant = " + given + ", but it must be overcomplete, decoupled or residual");
}

void CrateAlphaConfig::validate() const {
  CrateConfig::validate();
  require_value(expansion > 0 && expansion <= 1 << 10, in_crate_alpha_config, "expansion", expansion,
                "must be between 1 and 1024");
  require_value(head_norm_eps > 0, in_crate_alpha_config, "head_norm_eps", head_norm_eps,
                "must be positive; CRATE-alpha uses 1e-6");
  require_value(attention == AttentionKind::mssa, in_crate_alpha_config, "attention", models::name(attention),
                "must be mssa");
  require_value(feed_forward == FeedForwardKind::ista, in_crate_alpha_config, "feed_forward",
                models::name(feed_forward), "must be ista");
  require_value(pool == Pool::cls, in_crate_alpha_config, "pool", "mean", "must be cls; CRATE-alpha has no other");
}

Configuration CrateAlphaConfig::configuration() const {
  auto c = CrateConfig::configuration();
  c.set("model", "crate_alpha");
  c.set("variant", name(variant));
  c.set("expansion", expansion);
  c.set("head_norm_eps", head_norm_eps);
  if (clip) c.set("clip", 1);
  return c;
}

CrateAlphaConfig CrateAlphaConfig::from(Configuration const& stored) {
  CrateAlphaConfig c;
  auto common = stored;
  if (!common.has("norm_eps")) common.set("norm_eps", c.norm_eps);
  c.clip = stored.get<std::int64_t>("clip", 0) != 0 || stored.get<std::string>("model", "") == "crate_alpha_clip";
  if (c.clip && !common.has("num_classes")) common.set("num_classes", stored.get<std::int64_t>("embed_dim"));
  static_cast<CrateConfig&>(c) = CrateConfig::from(common);
  auto const steps = stored.get<std::int64_t>("ista_steps", 2);
  require_value(steps == 2, in_crate_alpha_config, "ista_steps", steps, "must be 2");
  auto const expansion = stored.get<std::int64_t>("expansion", 4);
  require_value(expansion > 0, in_crate_alpha_config, "expansion", expansion, "must be positive");
  c.expansion = static_cast<std::size_t>(expansion);
  c.variant = parse_alpha_variant(stored.get<std::string>("variant", name(c.variant)));
  c.head_norm_eps = stored.get<double>("head_norm_eps", c.head_norm_eps);
  c.validate();
  return c;
}

CrateAlphaConfig crate_alpha_config(std::string const& name, std::size_t classes) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {
      {"Ti", 192, 12, 3}, {"S", 576, 12, 12}, {"B", 768, 12, 12}, {"L", 1024, 24, 16}, {"H", 1280, 32, 16}};
  auto const slash = name.find('/');
  std::size_t patch = 0;
  if (slash != std::string::npos) {
    auto const* const end = name.data() + name.size();
    if (std::from_chars(name.data() + slash + 1, end, patch).ptr != end) patch = 0;
  }
  for (auto const& s : sizes) {
    if (patch == 0 || 224 % patch != 0 || name.substr(0, slash) != s.name) continue;
    CrateAlphaConfig c;
    c.image_size = 224;
    c.patch_size = patch;
    c.channels = 3;
    c.dim = s.dim;
    c.depth = s.depth;
    c.heads = s.heads;
    c.classes = classes;
    return c;
  }
  throw ValueError(
      "krate::models::crate_alpha_config",
      "there is no size named " + name + "; use Ti, S, B, L or H and a patch that divides 224, as in B/32");
}

CrateAlphaConfig crate_alpha_clip_config(std::string const& name) {
  auto c = crate_alpha_config(name, 1024);
  c.clip = true;
  return c;
}

}  // namespace krate::models
