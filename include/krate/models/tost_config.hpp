// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/models/crate_config.hpp"

namespace krate::models {

/// A ToST image classifier. Field names are those of model files.
struct TostConfig {
  Extent2 image_size = 8;
  std::size_t patch_size = 4;  ///< a power of 2: convolutions halve the image until a patch is a pixel
  std::size_t channels = 1;
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0, or dim / heads, which it is
  std::size_t classes = 10;
  std::size_t class_layers = 2;  ///< of class attention, behind the blocks
  double norm_eps = 1e-6, batch_norm_eps = 1e-5, batch_norm_momentum = 0.1;
  double label_smoothing = 0.1;            ///< of training by cross-entropy
  std::optional<Mcr2Objective> mcr2 = {};  ///< trains features for this objective, and no head

  static constexpr std::size_t mlp_ratio = 4;

  std::size_t head_dim() const { return dim / heads; }
  Extent2 grid() const { return {image_size.height / patch_size, image_size.width / patch_size}; }
  std::size_t patches() const { return grid().height * grid().width; }
  std::size_t tokens() const { return patches(); }
  /// Channels behind each convolution of the stem, the last one dim: dim / 8, dim / 4, ... with patches of 16.
  std::vector<std::size_t> widths() const;
  /// What the branches of blocks are multiplied by at the start: 1, and 1e-5 in the authors' sizes of 24 layers.
  double scale() const { return depth < 24 ? 1 : 1e-5; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "tost", `num_classes` for classes, `class_attention_layers` for class_layers.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static TostConfig from(Configuration const& stored);
  bool operator==(TostConfig const&) const = default;
};

/// The sizes of the authors' programs: "tiny_12", "small_12", "tiny_24", "small_24", "medium_24", "large_24" with
/// "_p16" or "_p8" behind them; 224 x 224 RGB images.
/// @throws ValueError for another name, listing these
TostConfig tost_config(std::string const& name, std::size_t classes = 1000);

}  // namespace krate::models
