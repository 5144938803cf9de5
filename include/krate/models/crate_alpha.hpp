// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block_classifier.hpp"
#include "krate/models/crate_alpha_config.hpp"

namespace krate::models {

template <class Space, class T>
using CrateAlphaState = ClassifierState<ClassifierLayers<Space, T>>;

/// CRATE-alpha as an image classifier: convolution of the patches; class token and positions; `depth` blocks with
/// overcomplete coding; norm, class token, linear.
/// Source: Yang et al., "Scaling White-Box Transformers for Vision", NeurIPS 2024; details as the authors' code has
/// them. Copies share the parameters.
template <class Space, class T>
class CrateAlpha : public BlockClassifier<ClassifierLayers<Space, T>> {
 public:
  using Config = CrateAlphaConfig;
  static constexpr char const* name = "crate_alpha";

  /// Parameters start as in the authors' JAX code, from the seed alone: linear maps and positions normal of deviation
  /// 0.02, the class token of 1e-6, convolution and dictionaries uniform in +-(6 / fan_in)^1/2, biases 0. Weight decay
  /// applies to the weights of linear maps and convolution only.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  CrateAlpha(Space const& space, CrateAlphaConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CrateAlphaConfig const& config);

  CrateAlphaConfig const& config() const { return config_; }

 private:
  static ClassifierLayers<Space, T> list(ParameterTable& table, CrateAlphaConfig const& config);

  CrateAlphaConfig config_;
};

}  // namespace krate::models
