// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block_classifier.hpp"
#include "krate/models/vit_config.hpp"

namespace krate::models {

template <class Space, class T>
using VitState = ClassifierState<ClassifierLayers<Space, T>>;

/// The vision transformer as an image classifier, what a CRATE is compared with: convolution of the patches; class
/// token and positions; `depth` blocks of multi-head attention and MLP; norm, class token, linear.
/// Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words"; details and names as PyTorch's package timm has
/// them. Copies share the parameters.
template <class Space, class T>
class Vit : public BlockClassifier<ClassifierLayers<Space, T>> {
 public:
  using Config = VitConfig;
  static constexpr char const* name = "vit";

  /// Parameters start as in timm, from the seed alone: linear maps and positions normal of deviation 0.02, the class
  /// token of 1e-6, the convolution uniform in +-fan_in^-1/2, biases 0, norms 1 and 0. Weight decay applies to the
  /// weights of linear maps and convolution only.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  Vit(Space const& space, VitConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(VitConfig const& config);

  VitConfig const& config() const { return config_; }

 private:
  static ClassifierLayers<Space, T> list(ParameterTable& table, VitConfig const& config);

  VitConfig config_;
};

}  // namespace krate::models
