// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/fetch.hpp"
#include "krate/models/conv_encoder.hpp"
#include "krate/nn/activation.hpp"
#include "krate/nn/unit_rows.hpp"
#include "krate/sparse/dictionary_norm.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

inline std::string conv_layer_name(char const* part, std::size_t layer) {
  return std::string(part) + (layer < 10 ? "/0" : "/") + std::to_string(layer);
}
inline ConvShape with_batch(ConvShape shape, std::size_t batch) {
  shape.batch = batch;
  return shape;
}
inline Initial conv_initial(CscCtrlConfig const& c, ConvShape const& s) {
  return c.sparse ? Initial::kaiming(s.patch()) : Initial{Initial::normal, 0.02};
}

template <class Space, class T>
ConvEncoder<Space, T>::ConvEncoder(Space const& space, CscCtrlConfig const& config, Seed seed)
    : config_(config), shapes_(config.layers()), steps_(shapes_.size(), 0.1) {
  ParameterTable trained, collected;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const& s = shapes_[i];
    std::string const name = conv_layer_name("encoder", i);
    dictionaries_.push_back(trained.add(name + "/dictionary", name + ".weight",
                                        {s.atoms, s.channels, s.kernel, s.kernel}, conv_initial(config_, s)));
    if (is_normed(i)) norms_.emplace_back(trained, collected, name + "/norm", s.atoms, 2, config_.norm_eps);
    if (!config_.sparse) continue;
    norms_of_dictionaries_.push_back(collected.add(name + "/norm_squared", name + ".norm", {1}, {Initial::one}));
    vectors_.push_back(collected.add(name + "/vector", name + ".vector", {s.code_height() * s.code_width(), s.atoms},
                                     {Initial::normal, 1}));
  }
  lists_ = {ParameterList<Space, T>(space, trained.specs()), ParameterList<Space, T>(space, collected.specs())};
  initialize(space, trained, seed, lists_.trained);
  initialize(space, collected, Seed{seed.value + 1}, lists_.collected);
}

template <class Space, class T>
std::size_t ConvEncoder<Space, T>::refresh_workspace() const {
  std::size_t most = 0;
  for (auto const& s : shapes_)
    most = std::max(most, dictionary_norm_workspace<Space, T>(with_batch(s, 1)) +
                              measure<Space>([](auto& work) { work.template take<double>(1); }));
  return most;
}

template <class Space, class T>
void ConvEncoder<Space, T>::refresh(Space const& space, std::size_t iterations, Workspace<Space> work) {
  if (!config_.sparse) return;
  auto const square = work.template take<double>(1);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const shape = with_batch(shapes_[i], 1);
    auto const dict = lists_.trained.value_matrix(dictionaries_[i]);
    normalize_atoms(space, dict);
    dictionary_norm(space, shape, dict, iterations, work, lists_.collected.value_matrix(vectors_[i]),
                    Value<double, Space>(square.data()));
    copy(space, square, lists_.collected.value(norms_of_dictionaries_[i]));
  }
  read_steps(space);
}

template <class Space, class T>
void ConvEncoder<Space, T>::read_steps(Space const& space) {
  for (std::size_t i = 0; i < norms_of_dictionaries_.size(); ++i) {
    Value<T, Space> const square(lists_.collected.value(norms_of_dictionaries_[i]).data());
    steps_[i] = 0.9 / static_cast<double>(fetch(space, square, KRATE_LABEL("krate::models::ConvEncoder: |D|^2")));
  }
}

template <class Space, class T>
ConvCodeOptions ConvEncoder<Space, T>::options(std::size_t layer) const {
  return {
      ConvCodeOptions::Method::fista, config_.steps, steps_[layer], config_.lambda, config_.mu, config_.nonnegative};
}

template <class Space, class T>
typename ConvEncoder<Space, T>::State ConvEncoder<Space, T>::cut(Workspace<Space>& work, std::size_t batch) const {
  State state;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const shape = with_batch(shapes_[i], batch);
    auto saved = ConvCodeSaved<Space, T>::cut(work, shape, config_.sparse ? config_.steps : 1);
    auto const norm = is_normed(i) ? norms_[i - 1].cut(work) : ChannelNormState<Space, T>();
    state.layers.push_back({shape, std::move(saved), norm, work.template take<T>(shape.codes(), shape.atoms)});
  }
  state.lengths = work.template take<T>(batch);
  return state;
}

template <class Space, class T>
std::size_t ConvEncoder<Space, T>::largest(std::size_t batch) const {
  std::size_t most = 0;
  for (auto const& s : shapes_) most = std::max(most, with_batch(s, batch).codes() * s.atoms);
  return most;
}

template <class Space, class T>
std::size_t ConvEncoder<Space, T>::forward_workspace(std::size_t batch) const {
  std::size_t most = 0;
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    most = std::max({most, conv_code_workspace<Space, T>(with_batch(shapes_[i], batch)),
                     is_normed(i) ? norms_[i - 1].workspace() : 0});
  return most;
}

template <class Space, class T>
std::size_t ConvEncoder<Space, T>::backward_workspace(std::size_t batch) const {
  std::size_t most = 0;
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    most = std::max({most, conv_code_backward_workspace<Space, T>(with_batch(shapes_[i], batch)),
                     is_normed(i) ? norms_[i - 1].workspace() : 0});
  return most + measure<Space>([&](auto& work) {
           work.template take<T>(largest(batch));
           work.template take<T>(largest(batch));
         });
}

template <class Space, class T>
void ConvEncoder<Space, T>::forward(Space const& space, comm::Communicator const& comm, Statistics statistics,
                                    std::size_t set, ConstMatrix<T, Space> pixels, State& state,
                                    Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::ConvEncoder::forward"));
  state.pixels = pixels;
  ConstMatrix<T, Space> input = pixels;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const& layer = state.layers[i];
    auto const dict = lists_.trained.value_matrix(dictionaries_[i]);
    auto const& code = layer.saved.code();
    if (config_.sparse) {
      conv_code(space, layer.shape, input, dict, options(i), work, layer.saved);
    } else {
      analyze(space, layer.shape, T(1), input, dict, T(0), code, work);
    }
    if (i + 1 == shapes_.size()) return unit_rows(space, code, layer.out, state.lengths);
    if (is_normed(i)) norms_[i - 1].forward(space, comm, lists_, statistics, set, code, layer.norm, work, layer.out);
    activate(space, Activation::leaky, is_normed(i) ? layer.out : code, layer.out);
    input = layer.out;
  }
}

template <class Space, class T>
void ConvEncoder<Space, T>::backward(Space const& space, comm::Communicator const& comm,
                                     ConstMatrix<T, Space> dfeatures, State const& state, bool parameters,
                                     Workspace<Space> work, Matrix<T, Space> dpixels) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::ConvEncoder::backward"));
  std::size_t const most = largest(dfeatures.extent(0));
  Vector<T, Space> const buffers[2] = {work.template take<T>(most), work.template take<T>(most)};
  for (std::size_t i = shapes_.size(); i-- > 0;) {
    auto const& layer = state.layers[i];
    auto const& code = layer.saved.code();
    Matrix<T, Space> const gradient(buffers[i % 2].data(), layer.shape.codes(), layer.shape.atoms);
    if (i + 1 == shapes_.size()) {
      unit_rows_backward(space, layer.out, state.lengths, dfeatures, gradient);
    } else {
      activate_backward(space, Activation::leaky, layer.out, gradient, gradient);
      if (is_normed(i)) norms_[i - 1].backward(space, comm, lists_, code, layer.norm, work, gradient);
    }
    auto const dinput =
        i == 0 ? dpixels : Matrix<T, Space>(buffers[(i + 1) % 2].data(), layer.shape.pixels(), layer.shape.channels);
    auto const input = i == 0 ? state.pixels : ConstMatrix<T, Space>(state.layers[i - 1].out);
    auto const dict = lists_.trained.value_matrix(dictionaries_[i]);
    auto const ddict = parameters ? lists_.trained.gradient_matrix(dictionaries_[i]) : Matrix<T, Space>();
    if (config_.sparse) {
      conv_code_backward(space, layer.shape, input, dict, options(i), layer.saved, gradient, work, dinput, ddict);
    } else {
      if (dinput.size() > 0) synthesize(space, layer.shape, T(1), gradient, dict, T(0), dinput, work);
      if (parameters) dictionary_gradient(space, layer.shape, T(1), input, gradient, ddict, work);
    }
  }
}

}  // namespace krate::models
