// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/head.hpp"
#include "krate/models/vit_config.hpp"
#include "krate/nn/patch_embedding.hpp"

namespace krate::models {

/// What a forward pass of Vit computes, cut from a workspace; Vit::backward reads it again.
template <class Space, class T>
struct VitState : HeadState<Space, T> {
  Matrix<T, Space> patches, embedded;  ///< [batch * patches, patch_dim], [batch * patches, dim]
  StackState<Space, T> stack;
};

/// The vision transformer as an image classifier, what a CRATE is compared with: convolution of the patches; class
/// token and positions; `depth` blocks of multi-head attention and MLP; norm, class token, linear. Members are as those
/// of Crate.
/// Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words"; details and names as PyTorch's package timm has
/// them. Copies share the parameters.
template <class Space, class T>
class Vit {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = VitConfig;
  using State = VitState<Space, T>;
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
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  std::vector<std::string> const& official_names() const { return table_.official(); }
  BlockStack<Space, T> const& blocks() const { return at_.blocks; }

  std::size_t prepared_bytes() const { return at_.blocks.prepared_bytes(); }
  void prepare(Space const& space, Workspace<Space>& work, State& state) const {
    at_.blocks.prepare(space, parameters_, work, state.stack);
  }

  std::size_t plan(std::size_t batch, Pass pass) const;
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;
  void forward(Space const& space, ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, Tensor4<T, Space> const& dimages = {}, GradientTap<Space, T> tap = {}) const;
  void backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                         Workspace<Space> work, Ready ready = {}, Tensor4<T, Space> const& dimages = {},
                         GradientTap<Space, T> tap = {}) const;

 private:
  struct Layers {
    std::size_t positions, class_token, convolution_weight, convolution_bias;
    BlockStack<Space, T> blocks;
    ClassifierHead<Space, T> head;
  };
  static Layers list(ParameterTable& table, VitConfig const& config);
  std::size_t backward_workspace(std::size_t batch) const;
  PatchOptions convolution() const;

  VitConfig config_;
  ParameterTable table_;
  Layers at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
