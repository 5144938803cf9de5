// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/comm/communicator.hpp"
#include "krate/core/workspace.hpp"
#include "krate/models/parameter_table.hpp"

namespace krate::models {

/// What statistics a batch norm takes: those of the batch over all ranks, or those that training collected.
enum class Statistics { batch, collected };

/// Parameters that are trained, and numbers that are collected meanwhile.
template <class Space, class T>
struct TrainedAndCollected {
  ParameterList<Space, T> trained, collected;
};

template <class Space, class T>
struct ChannelNormState {
  Vector<T, Space> mean, deviation;  ///< [channels]
};

/// Batch norm of channels, with several sets of collected statistics: images and what comes back of them pass the same
/// layer, and their mixture is neither.
template <class Space, class T>
class ChannelNorm {
 public:
  using Lists = TrainedAndCollected<Space, T>;
  using State = ChannelNormState<Space, T>;

  ChannelNorm(ParameterTable& trained, ParameterTable& collected, std::string const& name, std::size_t channels,
              std::size_t sets, double norm_eps);

  State cut(Workspace<Space>& work) const;
  /// Bytes that forward() and backward() take.
  std::size_t workspace() const;

  /// @param x  [rows, channels] of this rank     @param set  of collected statistics: read, or updated
  /// @param y  [rows, channels], written     @throws MpiError     @note collective with Statistics::batch
  void forward(Space const& space, comm::Communicator const& comm, Lists const& lists, Statistics statistics,
               std::size_t set, ConstMatrix<T, Space> x, State const& state, Workspace<Space> work,
               Matrix<T, Space> y) const;
  /// Of forward() with the batch's statistics. @param dy  in: gradient of y, out: gradient of x. Collective.
  void backward(Space const& space, comm::Communicator const& comm, Lists const& lists, ConstMatrix<T, Space> x,
                State const& state, Workspace<Space> work, Matrix<T, Space> dy) const;

 private:
  std::size_t channels_, weight_, bias_;
  std::vector<std::size_t> mean_, variance_;
  double norm_eps_;
};

}  // namespace krate::models
