// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/crate_mae_config.hpp"
#include "krate/models/decoder_stack.hpp"
#include "krate/nn/patch_embedding.hpp"
#include "krate/nn/pixel_loss.hpp"

namespace krate::models {

/// What a forward pass of CrateMae computes, cut from a workspace; CrateMae::backward reads it again.
template <class Space, class T>
struct CrateMaeState {
  Matrix<T, Space> patches, embedded;  ///< [batch * patches, patch_dim] for the convolution, [batch * patches, dim]
  Matrix<T, Space> target;             ///< [batch * patches, patch_dim]: what is to be predicted, channels last
  ConstMatrix<bool, Space> removed;    ///< as forward() was given it
  StackState<Space, T> encoder;
  Vector<T, Space> mean_encoded, deviation_encoded, mean_decoded, deviation_decoded;
  DecoderState<Space, T> decoder;    ///< begins with the encoder's normed output
  Tensor3<T, Space> decoded_normed;  ///< [batch, tokens, dim]
  Tensor3<T, Space> prediction;      ///< [batch, tokens, patch_dim]; the class token's means nothing
};

/// CRATE-MAE, the masked autoencoder: convolution of the patches; one token in the place of those that were removed;
/// class token and fixed positions; `depth` blocks of a CRATE, norm; `decoder_depth` decoder blocks, norm, linear.
/// Source: Pai et al., "Masked Completion via Structured Diffusion with White-Box Transformers", ICLR 2024; details
/// as the authors' code has them: the encoder sees the whole sequence. Copies share the parameters.
///
/// Of the parameters that the authors' files have, `encoder_positions` and `decoder_embedding` have no part in the
/// computation, and `positions` are fixed: their gradients stay 0, and no optimizer moves them.
template <class Space, class T>
class CrateMae {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = CrateMaeConfig;
  using State = CrateMaeState<Space, T>;
  static constexpr char const* name = "crate_mae";
  static constexpr bool has_fixed_positions = true;

  /// Parameters start as in the authors' code, from the seed alone: linear maps and convolution uniform after Glorot,
  /// class and mask token normal of deviation 0.02, dictionaries as those of a CRATE. Weight decay applies to what has
  /// two axes in the authors' files.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  CrateMae(Space const& space, CrateMaeConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CrateMaeConfig const& config);

  CrateMaeConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  std::vector<std::string> const& official_names() const { return table_.official(); }
  BlockStack<Space, T> const& blocks() const { return at_.encoder; }

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, Pass pass) const;
  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward(). Pass::recompute is for the
  /// encoder. Allocates at the first call only.
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;

  /// @param images   [batch, channels, height, width], LayoutRight, normalised
  /// @param removed  [batch, patches] of bool, see mask_of_noise(); outlives backward()
  /// @param state    as cut() made it; state.prediction and state.target are the results
  /// @param tap      called after each block of the encoder
  /// @throws ShapeError if the images or the mask do not fit configuration and state
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstTensor4<T, Space> const& images, ConstMatrix<bool, Space> const& removed,
               State& state, Workspace<Space> work, Tap<Space, T> tap = {}) const;

  /// What the model is trained for. @param removed  patches of all samples of a step, over all ranks
  PixelLossOptions objective(std::size_t removed) const;

  /// Adds to the gradients of all parameters.
  /// @param dprediction  as state.prediction
  /// @param dimages      written, the target held fast: patchify_backward() makes the rest of the target's gradient;
  ///                     extents of 0: not wanted
  /// @param ready        called with each range of the gradient buffer when it is final, last layer first
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ConstTensor3<T, Space> const& dprediction, State& state, Workspace<Space> work,
                Ready ready = {}, Tensor4<T, Space> const& dimages = {}, GradientTap<Space, T> tap = {}) const;

 private:
  struct Layers {
    std::size_t class_token, mask_token, encoder_positions, positions, convolution_weight, convolution_bias;
    BlockStack<Space, T> encoder;
    std::size_t norm_weight, norm_bias, unused_bias;
    DecoderStack<Space, T> decoder;
    std::size_t decoder_norm_weight, decoder_norm_bias, prediction_weight, prediction_bias;
  };
  static Layers list(ParameterTable& table, CrateMaeConfig const& config);
  std::size_t backward_workspace(std::size_t batch) const;
  PatchOptions patching(PatchOrder order) const;

  CrateMaeConfig config_;
  ParameterTable table_;
  Layers at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
