// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "krate/models/crate_config.hpp"

namespace krate::models {

/// A vision transformer as an image classifier. Field names are those of model files.
struct VitConfig {
  Extent2 image_size = 8, patch_size = 4;
  std::size_t channels = 1;
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  std::size_t classes = 10;
  double norm_eps = 1e-6;
  double label_smoothing = 0.1;            ///< of training by cross-entropy
  Products products = Products::full;      ///< of the blocks; it is not stored with the model
  std::optional<Mcr2Objective> mcr2 = {};  ///< trains features for this objective, and no head

  static constexpr std::size_t mlp_ratio = 4;

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }
  std::size_t patches() const {
    return (image_size.height / patch_size.height) * (image_size.width / patch_size.width);
  }
  std::size_t tokens() const { return patches() + 1; }
  std::size_t patch_dim() const { return channels * patch_size.height * patch_size.width; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "vit", then one value a field, `num_classes` for classes.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static VitConfig from(Configuration const& stored);
  bool operator==(VitConfig const&) const = default;
};

/// The usual sizes: "tiny", "small", "base", "large", 224 x 224 RGB images in patches of 16.
/// @throws ValueError for another name, listing these
VitConfig vit_config(std::string const& name, std::size_t classes = 1000);

}  // namespace krate::models
