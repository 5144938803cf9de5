// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/class_attention_stack.hpp"
#include "krate/models/tost_block.hpp"
#include "krate/models/tost_stem.hpp"

namespace krate::models {

/// What a forward pass of Tost computes, cut from a workspace; Tost::backward reads it again.
template <class Space, class T>
struct TostState {
  ConstTensor4<T, Space> images;  ///< those that forward() was given
  StemState<Space, T> stem;
  Matrix<T, Space> features, code;  ///< [patches, 64] and [patches, dim]: positions
  Matrix<Label, Space> positions;   ///< [batch, patches]
  TostStackState<Space, T> stack;
  ClassAttentionState<Space, T> class_attention;
  Matrix<T, Space> head_input;  ///< [batch, dim]: the class token, normed
  Vector<T, Space> mean, deviation;
  Matrix<T, Space> logits;  ///< [batch, classes]
};

/// ToST, an image classifier whose attention is linear in the number of tokens: convolutions and Fourier positions;
/// `depth` blocks of token statistics attention and MLP; a class token and the layers in which it attends to all;
/// norm, linear.
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810), as the authors' code has it. Copies share the parameters.
template <class Space, class T>
class Tost {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = TostConfig;
  using State = TostState<Space, T>;
  static constexpr char const* name = "tost";

  /// Parameters start as in the authors' code, from the seed alone: linear maps and class token normal with deviation
  /// 0.02, biases 0, temperatures and norms 1, branches scaled by TostConfig::scale(), convolutions and the map of the
  /// positions uniform in +-fan_in^-1/2. Matrices decay. What batch norm collects stands in the list too: it has no
  /// gradient and does not decay, so that optimizers leave it alone.
  /// @throws ValueError if the configuration cannot work     @note allocates: parameters and gradients; fences: no
  Tost(Space const& space, TostConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(TostConfig const& config);

  TostConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official_names() const { return table_.official(); }
  /// Positions in the list of what batch norm collects, means and variances.
  std::vector<std::size_t> collected() const { return at_.stem.collected(); }

  /// Batch norm sees the batches of all ranks together from now on; training passes are collective then.
  void synchronize(comm::Communicator comm) { at_.stem.synchronize(std::move(comm)); }

  /// Nothing: no layer has work that depends on the parameters only.
  std::size_t prepared_bytes() const { return 0; }
  void prepare(Space const&, Workspace<Space>&, State&) const {}

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, Pass pass) const;
  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward(). Allocates at the first call
  /// only. @param pass  training normalises by the batch and collects for inference
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;

  /// @param images  [batch, channels, height, width], LayoutRight and contiguous, normalised; the backward pass reads
  ///                them again
  /// @param state   as cut() made it; state.logits and state.head_input are the results
  /// @param tap     called after each block but those of class attention
  /// @throws ShapeError if the images do not fit configuration and state
  /// @note allocates: no; fences: with several ranks in training; bitwise repeatable: yes
  void forward(Space const& space, ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters.
  /// @param state    as forward() left it, cut for training
  /// @param dlogits  [batch, classes]
  /// @param dimages  written; extents of 0: not wanted
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @param tap      may add to the gradient of each block's output
  /// @note allocates: no; fences: with several ranks; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, Tensor4<T, Space> const& dimages = {}, GradientTap<Space, T> tap = {}) const;

  /// The same from the gradient of the features instead; the head's linear map has no part in it.
  /// @param dfeatures  [batch, dim], of state.head_input
  void backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                         Workspace<Space> work, Ready ready = {}, Tensor4<T, Space> const& dimages = {},
                         GradientTap<Space, T> tap = {}) const;

 private:
  struct Layers {
    TostStem<Space, T> stem;
    std::size_t position_weight, position_bias;
    TostStack<Space, T> blocks;
    ClassAttentionStack<Space, T> class_attention;
    std::size_t norm_weight, norm_bias, head_weight, head_bias;
  };
  static Layers list(ParameterTable& table, TostConfig const& config);

  TostConfig config_;
  ParameterTable table_;
  Layers at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
