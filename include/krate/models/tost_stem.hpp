// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/comm/communicator.hpp"
#include "krate/models/block.hpp"
#include "krate/models/tost_config.hpp"
#include "krate/nn/windows.hpp"

namespace krate::models {

/// What one convolution of the stem leaves for the backward pass; rows are pixels of all samples.
template <class Space, class T>
struct StemSaved {
  Matrix<T, Space> convolved, normed, activated;  ///< [batch * height * width, width of the layer]
  Vector<T, Space> mean, deviation;               ///< of the batch, or as collected
  Matrix<T, Space> dnormed;                       ///< gradient, in training; of the last layer that of the tokens
};

template <class Space, class T>
struct StemState {
  std::vector<StemSaved<Space, T>> layers;
  bool training = false;  ///< normalises by the batch, and collects for inference
};

/// The convolutions that make ToST's patches: 3 x 3 with stride 2, batch norm, and GELU but behind the last one.
/// Source: El-Nouby et al. 2021 (XCiT), section 3.3, from which ToST has it.
template <class Space, class T>
class TostStem {
 public:
  TostStem() = default;
  TostStem(ParameterTable& table, TostConfig const& config);

  /// Batches are those of all ranks together from now on. Collective: forward() of training and backward() too.
  void synchronize(comm::Communicator comm) { comm_ = std::move(comm); }

  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, StemState<Space, T>& state) const;
  std::size_t workspace(std::size_t batch, Pass pass) const;
  /// @param tokens  [batch * patches, dim], written
  /// @note allocates: no with one rank; fences: with several ranks; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, ConstTensor4<T, Space> const& images,
               StemState<Space, T>& state, Workspace<Space> work, Matrix<T, Space> const& tokens) const;
  /// @param dtokens  [batch * patches, dim]; left as another gradient     @param dimages  written; extents 0: not
  /// wanted
  /// @note allocates: no with one rank; fences: with several ranks; bitwise repeatable: yes
  void backward(Space const& space, ParameterList<Space, T> const& parameters, ConstTensor4<T, Space> const& images,
                StemState<Space, T>& state, Matrix<T, Space> const& dtokens, Workspace<Space> work,
                Tensor4<T, Space> const& dimages) const;

 private:
  struct Layer {
    std::size_t weight, norm_weight, norm_bias, mean, variance;
    std::size_t channels, width, height, columns;  ///< in and out; of the pixels that it gives
  };
  /// What the layer reads.
  Pixels<T const, Space> input(ConstTensor4<T, Space> const& images, StemState<Space, T> const& state,
                               std::size_t layer) const;
  /// The sums become those of all ranks.
  void reduce(Space const& space, Vector<double, Space> const& sums) const;

  TostConfig config_;
  std::vector<Layer> layers_;
  comm::Communicator comm_;
};

}  // namespace krate::models
