// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block.hpp"

namespace krate::models {

/// Where a decoder block's parameters stand in the list.
struct DecoderBlockParameters {
  std::size_t norm_dictionary_weight, norm_dictionary_bias, dictionary;
  std::size_t norm_mssa_weight, norm_mssa_bias, projection, output_weight, output_bias;
  std::size_t first, last;  ///< the block's entries are [first, last)

  static DecoderBlockParameters list(ParameterTable& table, BlockConfig const& config, std::size_t index);
};

/// What one decoder block's forward pass leaves for its backward pass, besides its input.
template <class Space, class T>
struct DecoderBlockSaved {
  Vector<T, Space> mean_dictionary, deviation_dictionary, mean_mssa, deviation_mssa;  ///< [batch * tokens]
  Tensor3<T, Space> linear;  ///< [batch, tokens, dim]: norm(z) D^T
  MssaSaved<Space, T> mssa;
};

/// All tokens of a stack of decoder blocks. In inference they share two buffers and one DecoderBlockSaved.
template <class Space, class T>
struct DecoderState {
  std::vector<Tensor3<T, Space>> tokens;           ///< [depth + 1]: the input, then each block's output
  std::vector<DecoderBlockSaved<Space, T>> saved;  ///< [depth]
  Tensor3<T, Space> gradient[2];                   ///< as in StackState

  /// Takes all of it from `work`, or measures it. @note allocates: the lists, at the first call
  void cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
           std::size_t tokens_each, Pass pass);
};

/// A stack of blocks that undo those of a CRATE, in the opposite order: Z = norm(z) D^T, z <- Z - MSSA(norm(Z)).
/// Source: Pai et al., "Masked Completion via Structured Diffusion with White-Box Transformers", ICLR 2024
/// (CRATE-MAE), the decoder, with the residual on the un-normalised Z as the authors' code has it.
template <class Space, class T>
class DecoderStack {
 public:
  DecoderStack() = default;
  DecoderStack(ParameterTable& table, BlockConfig const& config, std::size_t depth);

  std::size_t depth() const { return blocks_.size(); }
  BlockConfig const& config() const { return config_; }
  DecoderBlockParameters const& block(std::size_t i) const { return blocks_[i]; }

  /// As BlockStack's members of these names.
  std::size_t workspace(std::size_t batch, std::size_t tokens, Pass pass) const;
  void forward(Space const& space, ParameterList<Space, T> const& parameters, DecoderState<Space, T>& state,
               Workspace<Space> work) const;
  void backward(Space const& space, ParameterList<Space, T> const& parameters, DecoderState<Space, T>& state,
                Workspace<Space> work, Ready ready) const;

 private:
  BlockConfig config_;
  std::vector<DecoderBlockParameters> blocks_;
};

}  // namespace krate::models
