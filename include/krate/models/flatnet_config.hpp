// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

#include "krate/core/configuration.hpp"

namespace krate::models {

/// What a FlatNet came to: its depth and the dimensions of its layers are found, not chosen.
struct FlatnetConfig {
  std::size_t dim = 0;                ///< of a sample
  std::vector<std::size_t> layers{};  ///< columns of each layer's frame

  /// The dimension that most layers found, the smaller one of equals; 0 without layers.
  std::size_t manifold_dim() const;

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;
  /// As a model file has it: `model` = "flatnet", `dim`, `layer_dims`.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static FlatnetConfig from(Configuration const& stored);
  bool operator==(FlatnetConfig const&) const = default;
};

}  // namespace krate::models
