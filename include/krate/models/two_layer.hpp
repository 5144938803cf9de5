// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"
#include "krate/models/parameter_table.hpp"

namespace krate::models {

struct TwoLayerConfig {
  std::size_t in = 784, hidden = 150, out = 150;
  bool sphere = false;  ///< rows of the output are divided by their length

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;
};

/// What a forward pass of TwoLayer computes, cut from a workspace; backward() reads it again.
template <class Space, class T>
struct TwoLayerState {
  ConstMatrix<T, Space> in;      ///< [batch, in]: the samples themselves
  Matrix<T, Space> hidden, out;  ///< [batch, hidden] behind the rectifier; [batch, out]
  Vector<T, Space> lengths;      ///< [batch] what rows were divided by, on the sphere
};

/// y = W_2 max(0, W_1 x + b_1) + b_2, on the sphere y / |y|: a small network, as a player of a game.
/// Source: the non-linear maps of Pai et al. 2022 (CTRL-SG), arXiv 2206.09120. Copies share the parameters.
template <class Space, class T>
class TwoLayer {
 public:
  using State = TwoLayerState<Space, T>;

  /// Parameters start from the seed alone, uniform in +-fan_in^-1/2.
  /// @throws ValueError if the configuration cannot work     @note allocates: parameters and gradients; fences: no
  TwoLayer(Space const& space, TwoLayerConfig const& config, Seed seed = {});

  TwoLayerConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }

  State cut(Workspace<Space>& work, std::size_t batch) const;
  /// Bytes that backward() takes.
  std::size_t workspace(std::size_t batch) const;

  /// @param in     [batch, in]; the backward pass reads it again     @param state  as cut() made it for this batch
  /// @throws ShapeError if the samples do not fit     @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstMatrix<T, Space> in, State& state) const;

  enum class Gradients { of_parameters, of_input, of_both };
  /// Gradients of parameters are added to, that of the input is written.
  /// @param dout  [batch, out], overwritten     @param din  [batch, in], where it is wanted
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, State const& state, Gradients wanted, Workspace<Space> work, Matrix<T, Space> dout,
                Matrix<T, Space> din = {}) const;

 private:
  TwoLayerConfig config_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
