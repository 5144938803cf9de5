// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_config.hpp"

namespace krate::models {

/// A network of two layers as an image classifier. Field names are those of model files.
struct MlpConfig {
  Extent2 image_size = 28;
  std::size_t channels = 1;
  std::size_t hidden = 2048;
  std::size_t dim = 128;  ///< of the features
  std::size_t classes = 10;
  double norm_eps = 1e-5;
  double label_smoothing = 0.1;            ///< of training by cross-entropy
  Products products = Products::full;      ///< of both linear maps before the head; it is not stored with the model
  std::optional<Mcr2Objective> mcr2 = {};  ///< trains features for this objective, and no head

  std::size_t pixels() const { return channels * image_size.height * image_size.width; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "mlp", then one value a field, `num_classes` for classes.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static MlpConfig from(Configuration const& stored);
  bool operator==(MlpConfig const&) const = default;
};

}  // namespace krate::models
