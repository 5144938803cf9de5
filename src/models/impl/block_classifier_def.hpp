// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/models/block_classifier.hpp"
#include "krate/models/tost.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Layers>
BlockClassifier<Layers>::BlockClassifier(Space const& space, std::string const& where, Seed seed,
                                         FunctionRef<Layers(ParameterTable&)> list)
    : forward_(where + "::forward"),
      backward_(where + "::backward"),
      at_(list(table_)),
      parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Layers>
void BlockClassifier<Layers>::cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const {
  at_.embedding.cut(work, batch, pass, state.embedding);
  state.stack.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, at_.embedding.tokens(), pass);
  at_.head.cut(work, batch, pass, state);
}

template <class Layers>
std::size_t BlockClassifier<Layers>::plan(std::size_t batch, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, pass, s);
  });
  std::size_t const forward =
      std::max({at_.embedding.workspace(batch, pass), at_.blocks.workspace(batch, at_.embedding.tokens(), pass),
                at_.head.workspace(batch)});
  if (pass == Pass::inference) return state + forward;
  return state + measure<Space>([&](auto& work) { work.template take<T>(batch, dim()); }) +
         std::max({forward, at_.head.backward_workspace(batch), at_.embedding.backward_workspace(batch)});
}

template <class Layers>
void BlockClassifier<Layers>::forward(Space const& space, ConstTensor4<T, Space> const& images, State& state,
                                      Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(forward_);
  auto const& c = at_.embedding.config();
  require_shape(forward_.c_str(), "images", images,
                {state.logits.extent(0), c.channels, c.image_size.height, c.image_size.width},
                "the state's batch, and the configuration");
  at_.embedding.forward(space, parameters_, images, state.embedding, work, state.stack.tokens.front());
  at_.blocks.forward(space, parameters_, state.stack, work, tap);
  at_.head.forward(space, parameters_, state.stack.tokens.back(), state, work);
}

template <class Layers>
void BlockClassifier<Layers>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                       Workspace<Space> work, Ready ready, Tensor4<T, Space> const& dimages,
                                       GradientTap<Space, T> tap) const {
  Matrix<T, Space> const dfeatures = work.template take<T>(dlogits.extent(0), dim());
  at_.head.backward_linear(space, parameters_, state, dlogits, work, dfeatures);
  backward_features(space, dfeatures, state, work, ready, dimages, tap);
}

template <class Layers>
void BlockClassifier<Layers>::backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures,
                                                State& state, Workspace<Space> work, Ready ready,
                                                Tensor4<T, Space> const& dimages, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(backward_);
  auto const announce = [&](std::size_t first, std::size_t last) {
    if (ready) ready(range_of(parameters_, first, last));
  };
  at_.head.backward(space, parameters_, state, dfeatures, work, state.stack.output_gradient());
  announce(at_.head.first(), at_.head.last());
  at_.blocks.backward(space, parameters_, state.stack, work, tap, ready);
  at_.embedding.backward(space, parameters_, state.embedding, state.stack.input_gradient(), work, dimages);
  announce(at_.embedding.first(), at_.embedding.last());
}

}  // namespace krate::models
