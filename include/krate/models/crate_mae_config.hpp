// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_config.hpp"

namespace krate::models {

/// A CRATE-MAE, the masked autoencoder. Field names are those of model files.
struct CrateMaeConfig {
  Extent2 image_size = 8, patch_size = 4;
  std::size_t channels = 1;
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  std::size_t decoder_depth = 4, decoder_heads = 4;
  double eta = 0.1, lambda = 0.5, norm_eps = 1e-5;
  double final_norm_eps = 1e-6;  ///< of the norms behind encoder and decoder
  double mask_ratio = 0.75;      ///< of the patches are removed
  bool norm_pix_loss = false;    ///< patches are predicted at mean 0 and variance 1
  Products products = Products::full;

  /// The classifier that computes the encoder's features; `classes` means nothing.
  CrateConfig encoder() const;
  std::size_t patches() const { return encoder().patches(); }
  std::size_t tokens() const { return patches() + 1; }
  std::size_t patch_dim() const { return channels * patch_size.height * patch_size.width; }
  /// How many patches stay. @see kept_patches()
  std::size_t kept() const;

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;
  /// As a model file has it: `model` = "crate_mae", then one value a field; `norm_pix_loss` is 0 or 1.
  Configuration configuration() const;
  /// @throws ValueError for what is missing, of another type, or cannot work
  static CrateMaeConfig from(Configuration const& stored);
  bool operator==(CrateMaeConfig const&) const = default;
};

/// The authors' sizes: "tiny", "small", "base", "large", for 224 x 224 RGB images in patches of 16.
/// @throws ValueError for another name, listing these
CrateMaeConfig crate_mae_config(std::string const& name);

}  // namespace krate::models
