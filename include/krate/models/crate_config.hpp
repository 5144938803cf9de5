// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "krate/core/configuration.hpp"
#include "krate/linalg/impl/products_decl.hpp"
#include "krate/models/block_kinds.hpp"
#include "krate/nn/pool.hpp"
#include "krate/rate/mcr2_objective.hpp"

namespace krate::models {

/// Height and width; one number means a square.
struct Extent2 {
  std::size_t height = 0, width = 0;
  Extent2() = default;
  Extent2(std::size_t side) : height(side), width(side) {}  // NOLINT(google-explicit-constructor): 8 means 8 x 8
  Extent2(std::size_t h, std::size_t w) : height(h), width(w) {}
  bool operator==(Extent2 const&) const = default;
};

/// A CRATE image classifier. Field names are those of model files.
struct CrateConfig {
  Extent2 image_size = 8, patch_size = 4;
  std::size_t channels = 1;
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  std::size_t classes = 10;
  Pool pool = Pool::cls;
  double eta = 0.1, lambda = 0.1, norm_eps = 1e-5;
  double label_smoothing = 0.1;            ///< of training by cross-entropy
  std::optional<Mcr2Objective> mcr2 = {};  ///< trains features for this objective, and no head
  Products products = Products::full;      ///< of the blocks; it is not stored with the model
  /// CRATE's halves of a block, or those of an ordinary transformer in their place, to see what each does.
  AttentionKind attention = AttentionKind::mssa;
  FeedForwardKind feed_forward = FeedForwardKind::ista;
  /// Norms around the linear map of the patches. Without them, and with `final_norm_eps`, a classifier computes the
  /// features of a CRATE-MAE's encoder.
  bool embedding_norms = true;
  double final_norm_eps = 0;  ///< of the head's norm; 0: norm_eps

  static constexpr std::size_t mlp_ratio = 4;  ///< width of the hidden layer to dim, of an MLP

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }
  std::size_t patches() const {
    return (image_size.height / patch_size.height) * (image_size.width / patch_size.width);
  }
  std::size_t tokens() const { return patches() + 1; }
  std::size_t patch_dim() const { return channels * patch_size.height * patch_size.width; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "crate", then one value a field, `num_classes` for classes; `attention`,
  /// `feed_forward`, `patch_embedding` ("linear") and `final_norm_eps` where they are not CRATE's.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static CrateConfig from(Configuration const& stored);
  bool operator==(CrateConfig const&) const = default;
};

/// The published sizes: "tiny", "small", "base", "large" of Yu et al. 2023 (CRATE), 224 x 224 RGB images in patches
/// of 16.
/// @throws ValueError for another name, listing these
CrateConfig crate_config(std::string const& name, std::size_t classes = 1000);

}  // namespace krate::models
