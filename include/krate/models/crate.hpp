// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/crate_config.hpp"
#include "krate/models/head.hpp"

namespace krate::models {

/// What a forward pass of Crate computes, cut from a workspace; Crate::backward reads it again.
template <class Space, class T>
struct CrateState : HeadState<Space, T> {
  Matrix<T, Space> patches, patches_normed;    ///< [batch * patches, patch_dim]
  Matrix<T, Space> embedded, embedded_normed;  ///< [batch * patches, dim]
  Vector<T, Space> mean_patches, deviation_patches, mean_embedded, deviation_embedded;
  StackState<Space, T> stack;
};

/// CRATE, the white-box transformer, as an image classifier: patchify, norm, linear, norm; class token and positions;
/// `depth` blocks; class token or mean of the tokens; norm, linear.
/// Source: Yu et al., "White-Box Transformers via Sparse Rate Reduction", NeurIPS 2023, algorithm 2; details as the
/// authors' code has them. Copies share the parameters.
template <class Space, class T>
class Crate {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = CrateConfig;
  using State = CrateState<Space, T>;
  static constexpr char const* name = "crate";

  /// Parameters start as in the authors' code, from the seed alone: class token and positions normal, linear maps
  /// uniform in +-fan_in^-1/2, dictionaries uniform in +-(6 / dim)^1/2, norms 1 and 0.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  Crate(Space const& space, CrateConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CrateConfig const& config);

  CrateConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official_names() const { return table_.official(); }
  BlockStack<Space, T> const& blocks() const { return blocks_; }

  /// Bytes that prepare() takes.
  std::size_t prepared_bytes() const { return blocks_.prepared_bytes(); }
  /// Cuts from `work`, and computes, what inference needs of the parameters, for all passes until parameters change:
  /// forward() without it does that work each time. Comes before cut().
  /// @note allocates: at the first call; fences: no; bitwise repeatable: yes
  void prepare(Space const& space, Workspace<Space>& work, State& state) const {
    blocks_.prepare(space, parameters_, work, state.stack);
  }

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, Pass pass) const;

  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward(). Allocates at the first call
  /// only.
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;

  /// @param images  [batch, channels, height, width], LayoutRight, normalised
  /// @param state   as cut() made it; state.logits and state.head_input are the results
  /// @param tap     called after each block
  /// @throws ShapeError if the images do not fit configuration and state
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters.
  /// @param state    as forward() left it, cut for training
  /// @param dlogits  [batch, classes]
  /// @param dimages  written; extents of 0: not wanted
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @param tap      may add to the gradient of each block's output
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, Tensor4<T, Space> const& dimages = {}, GradientTap<Space, T> tap = {}) const;

  /// The same from the gradient of the features instead; the head's linear map has no part in it.
  /// @param dfeatures  [batch, dim], of state.head_input
  void backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                         Workspace<Space> work, Ready ready = {}, Tensor4<T, Space> const& dimages = {},
                         GradientTap<Space, T> tap = {}) const;

 private:
  struct Parameters {
    std::size_t positions, class_token;
    std::size_t norm_patches_weight, norm_patches_bias, linear_weight, linear_bias, norm_embedded_weight,
        norm_embedded_bias;
  };
  static Parameters list_embedding(ParameterTable& table, CrateConfig const& config);
  static BlockStack<Space, T> list_blocks(ParameterTable& table, CrateConfig const& config);
  static ClassifierHead<Space, T> list_head(ParameterTable& table, CrateConfig const& config);
  std::size_t backward_workspace(std::size_t batch) const;

  CrateConfig config_;
  ParameterTable table_;
  Parameters at_;
  BlockStack<Space, T> blocks_;
  ClassifierHead<Space, T> head_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
