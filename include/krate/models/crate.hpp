// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block_classifier.hpp"
#include "krate/models/crate_config.hpp"

namespace krate::models {

template <class Space, class T>
using CrateState = ClassifierState<ClassifierLayers<Space, T>>;

/// CRATE, the white-box transformer, as an image classifier: patchify, norm, linear, norm (or linear alone, as in a
/// CRATE-MAE); class token and positions; `depth` blocks; class token or mean of the tokens; norm, linear.
/// Source: Yu et al., "White-Box Transformers via Sparse Rate Reduction", NeurIPS 2023, algorithm 2; details as the
/// authors' code has them. Copies share the parameters.
template <class Space, class T>
class Crate : public BlockClassifier<ClassifierLayers<Space, T>> {
 public:
  using Config = CrateConfig;
  static constexpr char const* name = "crate";

  /// Parameters start as in the authors' code, from the seed alone: class token and positions normal, linear maps
  /// uniform in +-fan_in^-1/2, dictionaries uniform in +-(6 / dim)^1/2, norms 1 and 0.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  Crate(Space const& space, CrateConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CrateConfig const& config);

  CrateConfig const& config() const { return config_; }

 private:
  static ClassifierLayers<Space, T> list(ParameterTable& table, CrateConfig const& config);

  CrateConfig config_;
};

}  // namespace krate::models
