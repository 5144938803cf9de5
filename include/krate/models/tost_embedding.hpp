// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/tost_stem.hpp"

namespace krate::models {

/// What the forward pass leaves for the backward pass.
template <class Space, class T>
struct TostEmbeddingState {
  ConstTensor4<T, Space> images;  ///< those that forward() was given
  StemState<Space, T> stem;
  Matrix<T, Space> features, code;  ///< [patches, 64] and [patches, dim]: positions
  Matrix<Label, Space> positions;   ///< [batch, patches]
};

/// From an image to a ToST's tokens: convolutions, and a linear map of the patches' Fourier positions.
template <class Space, class T>
class TostEmbedding {
 public:
  using State = TostEmbeddingState<Space, T>;

  TostEmbedding() = default;
  TostEmbedding(ParameterTable& table, TostConfig const& config);

  std::size_t tokens() const { return config_.patches(); }
  TostConfig const& config() const { return config_; }
  /// As TostStem's member of this name.
  void synchronize(comm::Communicator comm) { stem_.synchronize(std::move(comm)); }
  /// Its entries are [first(), last()).
  std::size_t first() const { return 0; }
  std::size_t last() const { return position_bias_ + 1; }

  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;
  /// Bytes that forward() and backward() take.
  std::size_t workspace(std::size_t batch, Pass pass) const { return stem_.workspace(batch, pass); }
  std::size_t backward_workspace(std::size_t batch) const;

  /// As ImageEmbedding's members of these names. @note fences: with several ranks in training
  void forward(Space const& space, ParameterList<Space, T> const& parameters, ConstTensor4<T, Space> const& images,
               State& state, Workspace<Space> work, Tensor3<T, Space> const& tokens) const;
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State& state,
                Tensor3<T, Space> const& dtokens, Workspace<Space> work, Tensor4<T, Space> const& dimages) const;

 private:
  TostConfig config_;
  TostStem<Space, T> stem_;
  std::size_t position_weight_ = 0, position_bias_ = 0;
};

}  // namespace krate::models
