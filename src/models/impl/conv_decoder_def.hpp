// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/conv_decoder.hpp"
#include "models/impl/conv_encoder_def.hpp"

namespace krate::models {

template <class Space, class T>
ConvDecoder<Space, T>::ConvDecoder(Space const& space, CscCtrlConfig const& config, Seed seed)
    : config_(config), shapes_(config.layers()) {
  ParameterTable trained, collected;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const& s = shapes_[i];
    std::string const name = conv_layer_name("decoder", i);
    dictionaries_.push_back(trained.add(name + "/dictionary", name + ".weight",
                                        {s.atoms, s.channels, s.kernel, s.kernel}, conv_initial(config_, s)));
    if (i > 0) norms_.emplace_back(trained, collected, name + "/norm", s.channels, 1, config_.norm_eps);
  }
  lists_ = {ParameterList<Space, T>(space, trained.specs()), ParameterList<Space, T>(space, collected.specs())};
  initialize(space, trained, Seed{seed.value + 2}, lists_.trained);
  initialize(space, collected, seed, lists_.collected);
}

template <class Space, class T>
void ConvDecoder<Space, T>::refresh(Space const& space) const {
  if (!config_.sparse) return;
  for (auto const i : dictionaries_) normalize_atoms(space, lists_.trained.value_matrix(i));
}

template <class Space, class T>
typename ConvDecoder<Space, T>::State ConvDecoder<Space, T>::cut(Workspace<Space>& work, std::size_t batch) const {
  State state;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const shape = with_batch(shapes_[i], batch);
    auto const norm = i > 0 ? norms_[i - 1].cut(work) : ChannelNormState<Space, T>();
    auto const made = work.template take<T>(shape.pixels(), shape.channels);
    state.layers.push_back({shape, norm, made, work.template take<T>(shape.pixels(), shape.channels)});
  }
  return state;
}

template <class Space, class T>
std::size_t ConvDecoder<Space, T>::workspace(std::size_t batch) const {
  std::size_t most = 0, codes = 0;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const shape = with_batch(shapes_[i], batch);
    most = std::max({most, conv_dictionary_workspace<Space, T>(shape), i > 0 ? norms_[i - 1].workspace() : 0});
    codes = std::max(codes, shape.codes() * shape.atoms);
  }
  return most + measure<Space>([&](auto& work) {
           work.template take<T>(codes);
           work.template take<T>(codes);
         });
}

template <class Space, class T>
void ConvDecoder<Space, T>::forward(Space const& space, comm::Communicator const& comm, Statistics statistics,
                                    ConstMatrix<T, Space> features, State& state, Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::ConvDecoder::forward"));
  state.features = features;
  ConstMatrix<T, Space> code = features;
  for (std::size_t i = shapes_.size(); i-- > 0;) {
    auto const& layer = state.layers[i];
    synthesize(space, layer.shape, T(1), code, lists_.trained.value_matrix(dictionaries_[i]), T(0), layer.made, work);
    if (i == 0) return activate(space, Activation::tanh, layer.made, layer.out);
    norms_[i - 1].forward(space, comm, lists_, statistics, 0, layer.made, layer.norm, work, layer.out);
    activate(space, Activation::rectify, layer.out, layer.out);
    code = layer.out;
  }
}

template <class Space, class T>
void ConvDecoder<Space, T>::backward(Space const& space, comm::Communicator const& comm, State const& state,
                                     Workspace<Space> work, Matrix<T, Space> dpixels,
                                     Matrix<T, Space> dfeatures) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::ConvDecoder::backward"));
  std::size_t codes = 0;
  for (auto const& layer : state.layers) codes = std::max(codes, layer.shape.codes() * layer.shape.atoms);
  Vector<T, Space> const buffers[2] = {work.template take<T>(codes), work.template take<T>(codes)};
  Matrix<T, Space> gradient = dpixels;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    auto const& layer = state.layers[i];
    activate_backward(space, i == 0 ? Activation::tanh : Activation::rectify, layer.out, gradient, gradient);
    if (i > 0) norms_[i - 1].backward(space, comm, lists_, layer.made, layer.norm, work, gradient);
    bool const last = i + 1 == shapes_.size();
    auto const code = last ? state.features : ConstMatrix<T, Space>(state.layers[i + 1].out);
    dictionary_gradient(space, layer.shape, T(1), gradient, code, lists_.trained.gradient_matrix(dictionaries_[i]),
                        work);
    if (last && dfeatures.size() == 0) return;
    auto const next =
        last ? dfeatures : Matrix<T, Space>(buffers[i % 2].data(), layer.shape.codes(), layer.shape.atoms);
    analyze(space, layer.shape, T(1), gradient, lists_.trained.value_matrix(dictionaries_[i]), T(0), next, work);
    gradient = next;
  }
}

}  // namespace krate::models
