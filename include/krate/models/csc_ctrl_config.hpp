// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/models/crate_config.hpp"
#include "krate/sparse/impl/conv_dictionary_decl.hpp"

namespace krate::models {

/// An auto-encoder that a game of rates trains: csc_ctrl, whose encoder codes sparsely, or ctrl, whose encoder
/// convolves. Field names are those of model files.
struct CscCtrlConfig {
  bool sparse = true;
  Extent2 image_size = 28;
  std::size_t channels = 1;
  std::size_t width = 64;  ///< atoms of the first layer; each of the following but the last has twice as many
  std::size_t dim = 128;   ///< of the features
  std::size_t classes = 10;
  bool binary = false;        ///< the game that knows no labels
  double eps_squared = 0.5;   ///< of the game's rates
  std::size_t steps = 2;      ///< of sparse coding in each layer
  double lambda = 0, mu = 0;  ///< see ConvCodeOptions
  bool nonnegative = false;
  double norm_eps = 1e-5;

  /// Of the encoder, without a batch: kernels of 4 with stride 2 and padding 1 as long as the sides are even and 8 or
  /// more, then one that is all that is left.
  std::vector<ConvShape> layers() const;

  char const* name() const { return sparse ? "csc_ctrl" : "ctrl"; }
  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = name(), then one value a field, `num_classes` for classes.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static CscCtrlConfig from(Configuration const& stored);
  bool operator==(CscCtrlConfig const&) const = default;
};

}  // namespace krate::models
