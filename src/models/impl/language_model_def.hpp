// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/models/language_model.hpp"
#include "krate/models/tost_block.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Stack>
LanguageModel<Stack>::LanguageModel(Space const& space, std::string const& where, Seed seed,
                                    FunctionRef<LanguageLayers<Stack>(ParameterTable&)> list)
    : where_(where),
      forward_(where + "::forward"),
      backward_(where + "::backward"),
      step_(where + "::step"),
      at_(list(table_)),
      parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Stack>
void LanguageModel<Stack>::cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass,
                               State& state) const {
  std::size_t const rows = batch * tokens;
  state.ids = work.template take<Label>(batch, tokens);
  state.positions = work.template take<Label>(batch, tokens);
  state.stack.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, tokens, pass);
  state.head_input = as_rows(state.stack.tokens.back());
  if (at_.norm.present) {
    state.head_input = work.template take<T>(rows, dim());
    state.mean = work.template take<T>(rows);
    state.deviation = work.template take<T>(rows);
    state.no_bias = work.template take<T>(at_.norm.biased ? 0 : dim());
    state.no_bias_gradient = work.template take<T>(at_.norm.biased ? 0 : dim());
  }
  state.logits = work.template take<T>(rows, at_.tables.vocabulary);
}

template <class Stack>
std::size_t LanguageModel<Stack>::plan(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, tokens, pass, s);
  });
  std::size_t const blocks = at_.blocks.workspace(batch, tokens, pass);
  if (pass == Pass::inference || !at_.norm.present) return state + blocks;
  std::size_t const head = measure<Space>([&](auto& work) { work.template take<T>(batch * tokens, dim()); }) +
                           layer_norm_backward_workspace<T>(dim());
  return state + std::max(head, blocks);
}

template <class Stack>
void LanguageModel<Stack>::embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first,
                                 State& state) const {
  std::size_t const tokens = state.ids.extent(1);
  require_shape(where_.c_str(), "ids", ids, {state.ids.extent(0), tokens}, "batch and tokens of the state");
  require_value(first + tokens <= at_.tables.context, where_.c_str(), "tokens", first + tokens,
                ("must be at most the context of the model, " + std::to_string(at_.tables.context)).c_str());
  auto const z = as_rows(state.stack.tokens.front());
  copy(space, ids, state.ids);
  number_tokens(space, static_cast<Label>(first), state.positions);
  look_up(space, flat_ids<Space>(state.ids), parameters_.value_matrix(at_.tables.tokens), LookUp::write, z);
  look_up(space, flat_ids<Space>(state.positions), parameters_.value_matrix(at_.tables.positions), LookUp::add, z);
}

template <class Stack>
void LanguageModel<Stack>::head(Space const& space, State& state) const {
  auto const& norm = at_.norm;
  if (norm.present) {
    if (!norm.biased) fill(space, state.no_bias, T(0));
    layer_norm(space, as_rows(state.stack.tokens.back()), parameters_.value(norm.weight),
               norm.biased ? parameters_.value(norm.bias) : state.no_bias, {norm.norm_eps}, state.head_input,
               state.mean, state.deviation);
  }
  linear(space, state.head_input, parameters_.value_matrix(at_.tables.tokens), Vector<T, Space>(), state.logits);
}

template <class Stack>
void LanguageModel<Stack>::forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                                   Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(forward_);
  embed(space, ids, 0, state);
  at_.blocks.forward(space, parameters_, state.stack, work, tap);
  head(space, state);
}

template <class Stack>
void LanguageModel<Stack>::step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position,
                                State& state, Cache const& cache, Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(step_);
  embed(space, ids, position, state);
  at_.blocks.step(space, parameters_, state.stack, cache, position, work);
  head(space, state);
}

template <class Stack>
void LanguageModel<Stack>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                    Workspace<Space> work, Ready ready, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(backward_);
  auto const& p = parameters_;
  backward_head(space, dlogits, state, work);
  if (ready && at_.norm.present) ready(range_of(p, at_.norm.weight, p.entries().size()));
  at_.blocks.backward(space, p, state.stack, work, tap, ready);
  auto const dz = as_rows(state.stack.input_gradient());
  look_up_backward(space, flat_ids<Space>(state.positions), dz, no_padding, p.gradient_matrix(at_.tables.positions));
  look_up_backward(space, flat_ids<Space>(state.ids), dz, no_padding, p.gradient_matrix(at_.tables.tokens));
  if (ready) ready(range_of(p, at_.tables.tokens, at_.tables.positions + 1));
}

template <class Stack>
void LanguageModel<Stack>::backward_head(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                         Workspace<Space> work) const {
  auto const& p = parameters_;
  auto const& norm = at_.norm;
  auto const dlast = as_rows(state.stack.output_gradient());
  Matrix<T, Space> dhead_input = dlast;
  if (norm.present) dhead_input = work.template take<T>(dlast.extent(0), dlast.extent(1));
  linear_backward(space, state.head_input, p.value_matrix(at_.tables.tokens), dlogits, work, dhead_input,
                  p.gradient_matrix(at_.tables.tokens), Vector<T, Space>());
  if (!norm.present) return;
  layer_norm_backward(space, as_rows(state.stack.tokens.back()), p.value(norm.weight), state.mean, state.deviation,
                      dhead_input, InputGradient::write, work, dlast, p.gradient(norm.weight),
                      norm.biased ? p.gradient(norm.bias) : state.no_bias_gradient);
}

}  // namespace krate::models
