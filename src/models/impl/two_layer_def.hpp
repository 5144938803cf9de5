// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/models/two_layer.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/rectify.hpp"
#include "krate/nn/unit_rows.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

namespace two_layer {
enum : std::size_t { hidden_weight, hidden_bias, out_weight, out_bias };
}

template <class Space, class T>
TwoLayer<Space, T>::TwoLayer(Space const& space, TwoLayerConfig const& config, Seed seed) : config_(config) {
  config.validate();
  ParameterTable table;
  auto const first = Initial::linear(config.in), second = Initial::linear(config.hidden);
  table.add("hidden/weight", "0.weight", {config.hidden, config.in}, first);
  table.add("hidden/bias", "0.bias", {config.hidden}, first);
  table.add("out/weight", "2.weight", {config.out, config.hidden}, second);
  table.add("out/bias", "2.bias", {config.out}, second);
  parameters_ = ParameterList<Space, T>(space, table.specs());
  initialize(space, table, seed, parameters_);
}

template <class Space, class T>
typename TwoLayer<Space, T>::State TwoLayer<Space, T>::cut(Workspace<Space>& work, std::size_t batch) const {
  State state;
  state.hidden = work.template take<T>(batch, config_.hidden);
  state.out = work.template take<T>(batch, config_.out);
  if (config_.sphere) state.lengths = work.template take<T>(batch);
  return state;
}

template <class Space, class T>
std::size_t TwoLayer<Space, T>::workspace(std::size_t batch) const {
  return measure<Space>([&](auto& work) { work.template take<T>(batch, config_.hidden); }) +
         std::max(linear_backward_workspace<T>(config_.hidden), linear_backward_workspace<T>(config_.out));
}

template <class Space, class T>
void TwoLayer<Space, T>::forward(Space const& space, ConstMatrix<T, Space> in, State& state) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::TwoLayer::forward"));
  auto const& p = parameters_;
  state.in = in;
  linear(space, in, p.value_matrix(two_layer::hidden_weight), p.value(two_layer::hidden_bias), state.hidden);
  rectify(space, state.hidden, state.hidden);
  linear(space, state.hidden, p.value_matrix(two_layer::out_weight), p.value(two_layer::out_bias), state.out);
  if (config_.sphere) unit_rows(space, state.out, state.out, state.lengths);
}

template <class Space, class T>
void TwoLayer<Space, T>::backward(Space const& space, State const& state, Gradients wanted, Workspace<Space> work,
                                  Matrix<T, Space> dout, Matrix<T, Space> din) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::TwoLayer::backward"));
  auto const& p = parameters_;
  auto const step_back = [&](ConstMatrix<T, Space> x, std::size_t weight, ConstMatrix<T, Space> dy,
                             Matrix<T, Space> dx) {
    if (wanted == Gradients::of_input) {
      gemm(space, "N", "N", T(1), dy, p.value_matrix(weight), T(0), dx);
    } else {
      linear_backward(space, x, p.value_matrix(weight), dy, work, dx, p.gradient_matrix(weight),
                      p.gradient(weight + 1));
    }
  };
  Matrix<T, Space> const dhidden = work.template take<T>(dout.extent(0), config_.hidden);
  if (config_.sphere) unit_rows_backward(space, state.out, state.lengths, dout, dout);
  step_back(state.hidden, two_layer::out_weight, dout, dhidden);
  rectify_backward(space, state.hidden, dhidden, dhidden);
  step_back(state.in, two_layer::hidden_weight, dhidden, wanted == Gradients::of_parameters ? Matrix<T, Space>() : din);
}

}  // namespace krate::models
