// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/models/tost_stem.hpp"
#include "krate/nn/batch_norm.hpp"
#include "krate/nn/gelu.hpp"
#include "krate/nn/linear.hpp"

namespace krate::models {

template <class Space, class T>
TostStem<Space, T>::TostStem(ParameterTable& table, TostConfig const& c) : config_(c) {
  std::size_t channels = c.channels, height = c.image_size.height, columns = c.image_size.width;
  for (auto const width : c.widths()) {
    std::size_t const i = layers_.size();
    std::string const name = "stem/0" + std::to_string(i), official = "patch_embed.proj." + std::to_string(2 * i) + ".";
    height /= 2;
    columns /= 2;
    Layer at{};
    at.weight =
        table.add(name + "/convolution", official + "0.weight", {width, channels, 3, 3}, Initial::linear(9 * channels));
    at.norm_weight = table.add(name + "/norm/weight", official + "1.weight", {width}, {Initial::one});
    at.norm_bias = table.add(name + "/norm/bias", official + "1.bias", {width}, {Initial::zero});
    at.mean = table.add(name + "/norm/collected_mean", official + "1.running_mean", {width}, {Initial::zero});
    at.variance = table.add(name + "/norm/collected_variance", official + "1.running_var", {width}, {Initial::one});
    table.set_collected(at.mean);
    table.set_collected(at.variance);
    table.add_buffer(official + "1.num_batches_tracked");
    at.channels = channels;
    at.width = width;
    at.height = height;
    at.columns = columns;
    layers_.push_back(at);
    channels = width;
  }
}

template <class Space, class T>
void TostStem<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, StemState<Space, T>& state) const {
  state.training = pass != Pass::inference;
  state.layers.resize(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto const& at = layers_[i];
    auto& s = state.layers[i];
    bool const last = i + 1 == layers_.size();
    std::size_t const rows = batch * at.height * at.columns;
    s.convolved = work.template take<T>(rows, at.width);
    s.mean = work.template take<T>(at.width);
    s.deviation = work.template take<T>(at.width);
    s.normed = work.template take<T>(last ? 0 : rows, at.width);
    s.activated = work.template take<T>(last ? 0 : rows, at.width);
    s.dnormed = work.template take<T>(last || !state.training ? 0 : rows, at.width);
  }
}

template <class Space, class T>
std::size_t TostStem<Space, T>::workspace(std::size_t batch, Pass pass) const {
  std::size_t most = 0;
  for (auto const& at : layers_) {
    std::size_t const windows =
        measure<Space>([&](auto& work) { work.template take<T>(batch * at.height * at.columns, 9 * at.channels); });
    std::size_t const sums =
        measure<Space>([&](auto& work) { work.template take<double>(batch_sums_length(at.width)); }) +
        batch_sums_workspace(at.width);
    most = std::max(most, pass == Pass::inference ? windows : std::max(2 * windows, sums));
  }
  return most;
}

template <class Space, class T>
Pixels<T const, Space> TostStem<Space, T>::input(ConstTensor4<T, Space> const& images, StemState<Space, T> const& state,
                                                 std::size_t layer) const {
  if (layer == 0) return as_pixels<Space>(images);
  auto const& below = layers_[layer - 1];
  return as_pixels<Space>(ConstMatrix<T, Space>(state.layers[layer - 1].activated), below.height, below.columns);
}

template <class Space, class T>
void TostStem<Space, T>::reduce(Space const& space, Vector<double, Space> const& sums) const {
  if (comm_.size() == 1) return;
  std::vector<double> host(sums.size());
  Kokkos::View<double*, Kokkos::HostSpace, krate::impl::Unmanaged> const staged(host.data(), host.size());
  Kokkos::deep_copy(space, staged, sums);
  space.fence(KRATE_LABEL("krate::models::TostStem: the batch's sums are reduced"));
  comm_.all_reduce(std::span<double>(host));
  Kokkos::deep_copy(space, sums, staged);
  space.fence(KRATE_LABEL("krate::models::TostStem: the batch's sums were reduced"));
}

template <class Space, class T>
void TostStem<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                 ConstTensor4<T, Space> const& images, StemState<Space, T>& state,
                                 Workspace<Space> work, Matrix<T, Space> const& tokens) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto const& at = layers_[i];
    auto const& s = state.layers[i];
    {
      auto rest = work;
      auto const windows = rest.template take<T>(s.convolved.extent(0), 9 * at.channels);
      gather_windows(space, input(images, state, i), windows);
      linear(space, windows, p.value_matrix(at.weight), Vector<T, Space>(), s.convolved);
    }
    if (state.training) {
      auto rest = work;
      auto const sums = rest.template take<double>(batch_sums_length(at.width));
      batch_moments(space, s.convolved, rest, sums);
      reduce(space, sums);
      batch_statistics(space, sums, config_.batch_norm_eps, s.mean, s.deviation);
      collect_statistics(space, sums, config_.batch_norm_momentum, p.value(at.mean), p.value(at.variance));
    } else {
      collected_statistics(space, p.value(at.mean), p.value(at.variance), config_.batch_norm_eps, s.mean, s.deviation);
    }
    bool const last = i + 1 == layers_.size();
    normalize_columns(space, s.convolved, s.mean, s.deviation, p.value(at.norm_weight), p.value(at.norm_bias),
                      last ? tokens : s.normed);
    if (!last) gelu(space, s.normed, s.activated);
  }
}

template <class Space, class T>
void TostStem<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p,
                                  ConstTensor4<T, Space> const& images, StemState<Space, T>& state,
                                  Matrix<T, Space> const& dtokens, Workspace<Space> work,
                                  Tensor4<T, Space> const& dimages) const {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    auto const& at = layers_[i];
    auto const& s = state.layers[i];
    auto const& dnormed = i + 1 == layers_.size() ? dtokens : s.dnormed;
    {
      auto rest = work;
      auto const sums = rest.template take<double>(batch_sums_length(at.width));
      batch_gradient_sums(space, s.convolved, s.mean, s.deviation, dnormed, rest, sums, p.gradient(at.norm_weight),
                          p.gradient(at.norm_bias));
      reduce(space, sums);
      batch_norm_backward(space, s.convolved, s.mean, s.deviation, p.value(at.norm_weight), dnormed, sums, dnormed);
    }
    auto rest = work;
    bool const wanted = i > 0 || dimages.size() > 0;
    auto const windows = rest.template take<T>(s.convolved.extent(0), 9 * at.channels);
    Matrix<T, Space> dwindows;
    if (wanted) dwindows = rest.template take<T>(s.convolved.extent(0), 9 * at.channels);
    gather_windows(space, input(images, state, i), windows);
    linear_backward(space, windows, p.value_matrix(at.weight), dnormed, rest, dwindows, p.gradient_matrix(at.weight),
                    Vector<T, Space>());
    if (i == 0) {
      if (wanted) gather_windows_backward(space, dwindows, as_pixels<Space>(dimages));
      continue;
    }
    auto const& below = state.layers[i - 1];
    gather_windows_backward(space, dwindows,
                            as_pixels<Space>(below.dnormed, layers_[i - 1].height, layers_[i - 1].columns));
    gelu_backward(space, below.normed, below.dnormed, below.dnormed);
  }
}

}  // namespace krate::models
