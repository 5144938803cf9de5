// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block.hpp"
#include "krate/models/mlp_config.hpp"

namespace krate::models {

/// What a forward pass of Mlp computes, cut from a workspace; Mlp::backward reads it again.
template <class Space, class T>
struct MlpState {
  ConstMatrix<T, Space> pixels;         ///< [batch, channels * height * width]: the images themselves
  Matrix<T, Space> hidden, rectified;   ///< [batch, hidden]: before the norm, and behind the rectifier
  Vector<T, Space> mean, deviation;     ///< [batch]
  Matrix<T, Space> head_input, logits;  ///< [batch, dim]: the features; [batch, classes]
};

/// Two layers and a linear head: linear (no bias), norm, rectifier, linear; and from the features, linear.
/// Source: the networks of the experiments of Wang et al. 2024 (regularised MCR2), which train the features alone.
/// Copies share the parameters.
template <class Space, class T>
class Mlp {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = MlpConfig;
  using State = MlpState<Space, T>;
  static constexpr char const* name = "mlp";

  /// Parameters start from the seed alone: linear maps uniform in +-fan_in^-1/2, the norm 1 and 0.
  /// @throws ValueError if the configuration cannot work     @note allocates: parameters and gradients; fences: no
  Mlp(Space const& space, MlpConfig const& config, Seed seed = {});

  MlpConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }

  /// Nothing: no layer has work that depends on the parameters only.
  std::size_t prepared_bytes() const { return 0; }
  void prepare(Space const&, Workspace<Space>&, State&) const {}

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, Pass pass) const;

  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward().
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;

  /// @param images  [batch, channels, height, width], LayoutRight and contiguous, normalised; the backward pass reads
  ///                them again
  /// @param state   as cut() made it; state.logits and state.head_input are the results
  /// @param tap     never called: there are no blocks
  /// @throws ShapeError if the images do not fit configuration and state; ValueError if they have gaps
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters.
  /// @param state    as forward() left it, cut for training     @param dlogits  [batch, classes]
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}) const;

  /// The same from the gradient of the features instead; the head has no part in it.
  /// @param dfeatures  [batch, dim], of state.head_input
  void backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                         Workspace<Space> work, Ready ready = {}) const;

 private:
  struct Parameters {
    std::size_t hidden_weight, norm_weight, norm_bias, features_weight, features_bias, head_weight, head_bias;
  };
  static Parameters list(ParameterTable& table, MlpConfig const& config);

  MlpConfig config_;
  ParameterTable table_;
  Parameters at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
