// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/crate_mae_config.hpp"

#include "krate/core/require.hpp"
#include "krate/nn/token_mask.hpp"

namespace krate::models {

namespace {
constexpr char const* in_crate_mae_config = "krate::models::CrateMaeConfig";
}

CrateConfig CrateMaeConfig::encoder() const {
  return {.image_size = image_size,
          .patch_size = patch_size,
          .channels = channels,
          .dim = dim,
          .depth = depth,
          .heads = heads,
          .dim_head = dim_head,
          .classes = 1,
          .eta = eta,
          .lambda = lambda,
          .norm_eps = norm_eps,
          .products = products,
          .embedding_norms = false,
          .final_norm_eps = final_norm_eps};
}

std::size_t CrateMaeConfig::kept() const {
  return kept_patches(patches(), mask_ratio);
}

void CrateMaeConfig::validate() const {
  encoder().validate();
  require_value(dim % 4 == 0, in_crate_mae_config, "dim", dim, "must be a multiple of 4, for the position table");
  require_value(decoder_depth > 0 && decoder_depth <= 10000, in_crate_mae_config, "decoder_depth", decoder_depth,
                "must be between 1 and 10000");
  require_value(decoder_heads > 0 && dim % decoder_heads == 0, in_crate_mae_config, "decoder_heads", decoder_heads,
                ("must divide dim = " + std::to_string(dim)).c_str());
  require_value(final_norm_eps > 0, in_crate_mae_config, "final_norm_eps", final_norm_eps,
                "must be positive; CRATE-MAE uses 1e-6");
  require_value(mask_ratio > 0 && mask_ratio <= 1 && kept() < patches(), in_crate_mae_config, "mask_ratio", mask_ratio,
                "must be in (0, 1] and remove a patch at least; CRATE-MAE uses 0.75");
  require_value(!norm_pix_loss || patch_dim() > 1, in_crate_mae_config, "norm_pix_loss", 1,
                "needs patches of two values at least");
}

Configuration CrateMaeConfig::configuration() const {
  Configuration c;
  c.set("model", "crate_mae");
  c.set("image_size", std::vector<std::size_t>{image_size.height, image_size.width});
  c.set("patch_size", std::vector<std::size_t>{patch_size.height, patch_size.width});
  c.set("channels", channels);
  c.set("dim", dim);
  c.set("depth", depth);
  c.set("heads", heads);
  c.set("dim_head", encoder().head_dim());
  c.set("decoder_depth", decoder_depth);
  c.set("decoder_heads", decoder_heads);
  c.set("eta", eta);
  c.set("lambda", lambda);
  c.set("norm_eps", norm_eps);
  c.set("final_norm_eps", final_norm_eps);
  c.set("mask_ratio", mask_ratio);
  c.set("norm_pix_loss", static_cast<int>(norm_pix_loss));
  return c;
}

CrateMaeConfig CrateMaeConfig::from(Configuration const& stored) {
  CrateMaeConfig c;
  auto common = stored;  // as a classifier of one class
  common.set("num_classes", 1);
  if (!common.has("lambda")) common.set("lambda", c.lambda);
  auto const encoder = CrateConfig::from(common);
  c.image_size = encoder.image_size;
  c.patch_size = encoder.patch_size;
  c.channels = encoder.channels;
  c.dim = encoder.dim;
  c.depth = encoder.depth;
  c.heads = encoder.heads;
  c.dim_head = encoder.dim_head;
  c.eta = encoder.eta;
  c.lambda = encoder.lambda;
  c.norm_eps = encoder.norm_eps;
  auto const count = [&](char const* name) {
    auto const value = stored.get<std::int64_t>(name);
    require_value(value > 0, in_crate_mae_config, name, value, "must be positive");
    return static_cast<std::size_t>(value);
  };
  c.decoder_depth = count("decoder_depth");
  c.decoder_heads = count("decoder_heads");
  c.final_norm_eps = stored.get<double>("final_norm_eps", c.final_norm_eps);
  c.mask_ratio = stored.get<double>("mask_ratio", c.mask_ratio);
  c.norm_pix_loss = stored.get<std::int64_t>("norm_pix_loss", 0) != 0;
  c.validate();
  return c;
}

CrateMaeConfig crate_mae_config(std::string const& name) {
  auto const encoder = crate_config(name);
  return {.image_size = encoder.image_size,
          .patch_size = encoder.patch_size,
          .channels = encoder.channels,
          .dim = encoder.dim,
          .depth = encoder.depth,
          .heads = encoder.heads,
          .decoder_depth = encoder.depth,
          .decoder_heads = encoder.heads};
}

}  // namespace krate::models
