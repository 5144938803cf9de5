// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/models/block_classifier.hpp"
#include "models/impl/block_def.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
BlockClassifier<Space, T>::BlockClassifier(Space const& space, std::string const& where, Seed seed,
                                           FunctionRef<ClassifierLayers<Space, T>(ParameterTable&)> list)
    : forward_(where + "::forward"),
      backward_(where + "::backward"),
      at_(list(table_)),
      parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void BlockClassifier<Space, T>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  at_.embedding.cut(work, batch, state.embedding);
  state.stack.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, tokens(), pass);
  at_.head.cut(work, batch, state);
}

template <class Space, class T>
std::size_t BlockClassifier<Space, T>::plan(std::size_t batch, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  std::size_t const blocks = at_.blocks.workspace(batch, tokens(), pass);
  if (pass == Pass::inference) return state + blocks;
  return state + measure<Space>([&](auto& work) { work.template take<T>(batch, dim()); }) +
         std::max({blocks, at_.head.backward_workspace(batch), at_.embedding.backward_workspace(batch)});
}

template <class Space, class T>
void BlockClassifier<Space, T>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                                        Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(forward_);
  auto const& c = at_.embedding.config();
  require_shape(forward_.c_str(), "images", images,
                {state.logits.extent(0), c.channels, c.image_size.height, c.image_size.width},
                "the state's batch, and the configuration");
  at_.embedding.forward(space, parameters_, images, state.embedding, state.stack.tokens.front());
  at_.blocks.forward(space, parameters_, state.stack, work, tap);
  at_.head.forward(space, parameters_, state.stack.tokens.back(), state);
}

template <class Space, class T>
void BlockClassifier<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                         Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                         GradientTap<Space, T> tap) const {
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), dim());
  at_.head.backward_linear(space, parameters_, state, dlogits, work, dfeatures);
  backward_features(space, dfeatures, state, work, ready, dimages, tap);
}

template <class Space, class T>
void BlockClassifier<Space, T>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures,
                                                  State& state, Workspace<Space> work, Ready ready,
                                                  Tensor4<T, Space> const& dimages, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(backward_);
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(parameters_, first, last));
  };
  at_.head.backward(space, parameters_, state, dfeatures, work, state.stack.output_gradient());
  announce(at_.head.norm_weight(), at_.head.last());
  at_.blocks.backward(space, parameters_, state.stack, work, tap, ready);
  at_.embedding.backward(space, parameters_, state.embedding, state.stack.input_gradient(), work, dimages);
  announce(at_.embedding.first(), at_.embedding.last());
}

}  // namespace krate::models
