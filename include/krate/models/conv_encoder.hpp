// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/channel_norm.hpp"
#include "krate/models/csc_ctrl_config.hpp"
#include "krate/sparse/conv_code.hpp"

namespace krate::models {

/// What a forward pass of ConvEncoder computes, cut from a workspace; backward() reads it again.
template <class Space, class T>
struct ConvEncoderState {
  struct Layer {
    ConvShape shape;
    ConvCodeSaved<Space, T> saved;
    ChannelNormState<Space, T> norm;
    Matrix<T, Space> out;  ///< behind norm and activation; of the last layer the features [batch, dim]
  };
  ConstMatrix<T, Space> pixels;
  std::vector<Layer> layers;
  Vector<T, Space> lengths;

  Matrix<T, Space> const& features() const { return layers.back().out; }
};

/// Images to points of a sphere: sparse codes (or convolutions) layer by layer, each but the last followed by a leaky
/// rectifier, those but the first and the last by a batch norm before it. Source: csc_ctrl, Dai et al. 2023; ctrl, the
/// mini-DCGAN of Dai et al. 2022. Copies share the parameters.
template <class Space, class T>
class ConvEncoder {
 public:
  using Lists = TrainedAndCollected<Space, T>;
  using State = ConvEncoderState<Space, T>;

  ConvEncoder(Space const& space, CscCtrlConfig const& config, Seed seed);

  Lists const& lists() const { return lists_; }

  /// How strongly a dictionary can act decides the step of its codes: |D|^2 by so many iterations from where the last
  /// call ended. After it atoms have length 1. No work for convolutions.
  /// @param work  refresh_workspace() bytes     @note fences: yes, for each layer
  void refresh(Space const& space, std::size_t iterations, Workspace<Space> work);
  std::size_t refresh_workspace() const;
  /// The same from numbers that were read from a file. @note fences: yes
  void read_steps(Space const& space);
  /// Other than in training: larger under noise.
  void set_lambda(double lambda) { config_.lambda = lambda; }

  State cut(Workspace<Space>& work, std::size_t batch) const;
  std::size_t forward_workspace(std::size_t batch) const;
  std::size_t backward_workspace(std::size_t batch) const;

  /// @param pixels  [batch * height * width, channels] in [-1, 1]; the backward pass reads them again
  /// @param set     of batch statistics: 0 for images, 1 for what comes back
  /// @note collective with Statistics::batch; allocates: with several ranks; fences: the same
  void forward(Space const& space, comm::Communicator const& comm, Statistics statistics, std::size_t set,
               ConstMatrix<T, Space> pixels, State& state, Workspace<Space> work) const;
  /// Adds to the gradients of the parameters. Collective.
  /// @param dfeatures  [batch, dim]     @param parameters  false: those of dictionaries are left as they are
  /// @param dpixels    like pixels, written; extents 0, 0: not wanted
  void backward(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> dfeatures, State const& state,
                bool parameters, Workspace<Space> work, Matrix<T, Space> dpixels) const;

 private:
  ConvCodeOptions options(std::size_t layer) const;
  bool is_normed(std::size_t layer) const { return layer > 0 && layer + 1 < shapes_.size(); }
  std::size_t largest(std::size_t batch) const;

  CscCtrlConfig config_;
  std::vector<ConvShape> shapes_;
  std::vector<std::size_t> dictionaries_, norms_of_dictionaries_, vectors_;
  std::vector<ChannelNorm<Space, T>> norms_;  ///< norms_[i - 1] is that of layer i
  std::vector<double> steps_;
  Lists lists_;
};

}  // namespace krate::models
