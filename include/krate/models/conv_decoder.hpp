// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/channel_norm.hpp"
#include "krate/models/csc_ctrl_config.hpp"

namespace krate::models {

/// What a forward pass of ConvDecoder computes, cut from a workspace; backward() reads it again. Layers are numbered as
/// the encoder's: the last comes first.
template <class Space, class T>
struct ConvDecoderState {
  struct Layer {
    ConvShape shape;
    ChannelNormState<Space, T> norm;
    Matrix<T, Space> made, out;  ///< [pixels, channels]: of the dictionary, and behind norm and activation
  };
  ConstMatrix<T, Space> features;
  std::vector<Layer> layers;

  Matrix<T, Space> const& pixels() const { return layers.front().out; }
};

/// Points of a sphere to images: dictionaries put together what codes say, layer by layer, each but the first (which
/// comes last) followed by a batch norm and a rectifier, that one by tanh. Copies share the parameters.
template <class Space, class T>
class ConvDecoder {
 public:
  using Lists = TrainedAndCollected<Space, T>;
  using State = ConvDecoderState<Space, T>;

  ConvDecoder(Space const& space, CscCtrlConfig const& config, Seed seed);

  Lists const& lists() const { return lists_; }
  /// Gives atoms length 1; no work where the encoder convolves.
  void refresh(Space const& space) const;

  State cut(Workspace<Space>& work, std::size_t batch) const;
  /// Bytes that forward() and backward() take.
  std::size_t workspace(std::size_t batch) const;

  /// @param features  [batch, dim]; the backward pass reads them again
  /// @note collective with Statistics::batch; allocates: with several ranks; fences: the same
  void forward(Space const& space, comm::Communicator const& comm, Statistics statistics,
               ConstMatrix<T, Space> features, State& state, Workspace<Space> work) const;
  /// Adds to the gradients of the parameters. Collective. @param dpixels  like state.pixels(), overwritten
  /// @param dfeatures  [batch, dim], written; extents 0, 0: not wanted
  void backward(Space const& space, comm::Communicator const& comm, State const& state, Workspace<Space> work,
                Matrix<T, Space> dpixels, Matrix<T, Space> dfeatures = {}) const;

 private:
  CscCtrlConfig config_;
  std::vector<ConvShape> shapes_;
  std::vector<std::size_t> dictionaries_;
  std::vector<ChannelNorm<Space, T>> norms_;  ///< none of the first layer: norms_[i - 1] is that of layer i
  Lists lists_;
};

}  // namespace krate::models
