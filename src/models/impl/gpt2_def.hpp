// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/core/label.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/block_def.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename Gpt2<Space, T>::Layers Gpt2<Space, T>::list(ParameterTable& table, Gpt2Config const& c) {
  c.validate();
  Initial const start{Initial::normal, 0.02};
  BlockConfig const block{.dim = c.dim,
                          .heads = c.heads,
                          .head_dim = c.head_dim(),
                          .norm_eps = c.norm_eps,
                          .mask = Mask::causal,
                          .may_lack_output_map = false,
                          .attention = AttentionKind::mhsa,
                          .feed_forward = FeedForwardKind::mlp,
                          .projection_bias = true,
                          .hidden = Gpt2Config::mlp_ratio * c.dim,
                          .deviation = start.width,
                          .output_deviation = start.width / std::sqrt(2 * static_cast<double>(c.depth))};
  Layers at{};
  at.tokens = table.add("token_embedding", "transformer.wte.weight", {c.vocabulary, c.dim}, start);
  table.tie(at.tokens, "lm_head.weight");
  at.positions = table.add("position_embedding", "transformer.wpe.weight", {c.context, c.dim}, start);
  at.blocks = {table, block, c.depth, gpt2_names()};
  for (std::size_t i = 0; i < c.depth; ++i)
    table.add_buffer("transformer.h." + std::to_string(i) + ".attn.bias");  // the mask, as numbers
  at.norm_weight = table.add("norm/weight", "transformer.ln_f.weight", {c.dim}, {Initial::one});
  at.norm_bias = table.add("norm/bias", "transformer.ln_f.bias", {c.dim}, {Initial::zero});
  table.decay_matrices_only();
  return at;
}

template <class Space, class T>
ParameterTable Gpt2<Space, T>::parameter_table(Gpt2Config const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
Gpt2<Space, T>::Gpt2(Space const& space, Gpt2Config const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void Gpt2<Space, T>::cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass, State& state) const {
  state.ids = work.template take<Label>(batch, tokens);
  state.positions = work.template take<Label>(batch, tokens);
  state.stack.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, tokens, pass);
  state.head_input = work.template take<T>(batch * tokens, config_.dim);
  state.mean = work.template take<T>(batch * tokens);
  state.deviation = work.template take<T>(batch * tokens);
  state.logits = work.template take<T>(batch * tokens, config_.vocabulary);
}

template <class Space, class T>
void Gpt2<Space, T>::cut(Workspace<Space>& work, std::size_t batch, TokenCache<Space, T>& cache) const {
  cache.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, config_.context);
}

template <class Space, class T>
std::size_t Gpt2<Space, T>::plan(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, tokens, pass, s);
  });
  return state + at_.blocks.workspace(batch, tokens, pass);
}

template <class Space, class T>
void Gpt2<Space, T>::embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first,
                           State& state) const {
  constexpr char const* where = "krate::models::Gpt2";
  std::size_t const tokens = state.ids.extent(1);
  require_shape(where, "ids", ids, {state.ids.extent(0), tokens}, "batch and tokens of the state");
  require_value(first + tokens <= config_.context, where, "tokens", first + tokens,
                ("must be at most the context of the model, " + std::to_string(config_.context)).c_str());
  auto const z = as_rows(state.stack.tokens.front());
  copy(space, ids, state.ids);
  number_tokens(space, static_cast<Label>(first), state.positions);
  look_up(space, flat_ids<Space>(state.ids), parameters_.value_matrix(at_.tokens), LookUp::write, z);
  look_up(space, flat_ids<Space>(state.positions), parameters_.value_matrix(at_.positions), LookUp::add, z);
}

template <class Space, class T>
void Gpt2<Space, T>::head(Space const& space, State& state) const {
  layer_norm(space, as_rows(state.stack.tokens.back()), parameters_.value(at_.norm_weight),
             parameters_.value(at_.norm_bias), {config_.norm_eps}, state.head_input, state.mean, state.deviation);
  linear(space, state.head_input, parameters_.value_matrix(at_.tokens), Vector<T, Space>(), state.logits);
}

template <class Space, class T>
void Gpt2<Space, T>::forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                             Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Gpt2::forward"));
  embed(space, ids, 0, state);
  at_.blocks.forward(space, parameters_, state.stack, work, tap);
  head(space, state);
}

template <class Space, class T>
void Gpt2<Space, T>::step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position, State& state,
                          TokenCache<Space, T> const& cache, Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Gpt2::step"));
  embed(space, ids, position, state);
  at_.blocks.step(space, parameters_, state.stack, cache, position, work);
  head(space, state);
}

template <class Space, class T>
void Gpt2<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                              Workspace<Space> work, Ready ready, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::Gpt2::backward"));
  auto const& p = parameters_;
  auto const dtokens = p.gradient_matrix(at_.tokens);
  auto const &top = state.stack.gradient[at_.blocks.depth() % 2],
             &other = state.stack.gradient[(at_.blocks.depth() + 1) % 2];
  linear_backward(space, state.head_input, p.value_matrix(at_.tokens), dlogits, work, as_rows(other), dtokens,
                  Vector<T, Space>());
  layer_norm_backward(space, as_rows(state.stack.tokens.back()), p.value(at_.norm_weight), state.mean, state.deviation,
                      as_rows(other), InputGradient::write, work, as_rows(top), p.gradient(at_.norm_weight),
                      p.gradient(at_.norm_bias));
  if (ready) ready(range_of(p, at_.norm_weight, at_.norm_bias + 1));
  at_.blocks.backward(space, p, state.stack, work, tap, ready);
  auto const dz = as_rows(state.stack.gradient[0]);
  look_up_backward(space, flat_ids<Space>(state.positions), dz, no_padding, p.gradient_matrix(at_.positions));
  look_up_backward(space, flat_ids<Space>(state.ids), dz, no_padding, dtokens);
  if (ready) ready(range_of(p, at_.tokens, at_.positions + 1));
}

}  // namespace krate::models
