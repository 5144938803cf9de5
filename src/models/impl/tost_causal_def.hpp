// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/core/label.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/initialize_def.hpp"
#include "models/impl/tost_block_def.hpp"

namespace krate::models {

inline TostBlockNames tost_causal_names() {
  return {"transformer.h.", ".ln_1", ".attn.c_attn", ".attn.temp", ".attn.denom_bias",
          ".attn.c_proj",   ".ln_2", ".mlp.c_fc",    ".mlp.c_proj"};
}

template <class Space, class T>
typename TostCausal<Space, T>::Layers TostCausal<Space, T>::list(ParameterTable& table, TostCausalConfig const& c) {
  c.validate();
  Initial const start{Initial::normal, 0.02};
  TostBlockConfig const blocks{.dim = c.dim,
                               .heads = c.heads,
                               .head_dim = c.head_dim(),
                               .hidden = TostCausalConfig::mlp_ratio * c.dim,
                               .norm_eps = c.norm_eps,
                               .context = c.context,
                               .bias = c.bias,
                               .scale = 1e-5,
                               .output_deviation = 0.02 / std::sqrt(2 * static_cast<double>(c.depth))};
  Layers at{};
  at.tokens = table.add("token_embedding", "transformer.wte.weight", {c.vocabulary, c.dim}, start);
  table.tie(at.tokens, "lm_head.weight");
  at.positions = table.add("position_embedding", "transformer.wpe.weight", {c.context, c.dim}, start);
  at.blocks = TostStack<Space, T>(table, blocks, c.depth, tost_causal_names());
  at.norm = TostNorm<Space, T>(table, "norm", "transformer.ln_f", blocks);

  std::vector<std::size_t> decayed;
  auto const spared = at.blocks.position_biases();
  for (std::size_t i = 0; i < table.specs().size(); ++i) {
    bool const matrix = table.specs()[i].shape.size() > 1;
    if (matrix && std::find(spared.begin(), spared.end(), i) == spared.end()) decayed.push_back(i);
  }
  table.decay_only(decayed);
  return at;
}

template <class Space, class T>
ParameterTable TostCausal<Space, T>::parameter_table(TostCausalConfig const& config) {
  ParameterTable table;
  list(table, config);
  return table;
}

template <class Space, class T>
TostCausal<Space, T>::TostCausal(Space const& space, TostCausalConfig const& config, Seed seed)
    : config_(config), at_(list(table_, config_)), parameters_(space, table_.specs()) {
  initialize(space, table_, seed, parameters_);
  at_.blocks.initialize_scales(space, parameters_);
}

template <class Space, class T>
void TostCausal<Space, T>::cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass,
                               State& state) const {
  state.ids = work.template take<Label>(batch, tokens);
  state.positions = work.template take<Label>(batch, tokens);
  state.stack.cut(work, at_.blocks.config(), config_.depth, batch, tokens, pass);
  state.head_input = work.template take<T>(batch * tokens, config_.dim);
  state.mean = work.template take<T>(batch * tokens);
  state.deviation = work.template take<T>(batch * tokens);
  state.logits = work.template take<T>(batch * tokens, config_.vocabulary);
}

template <class Space, class T>
std::size_t TostCausal<Space, T>::plan(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, tokens, pass, s);
  });
  std::size_t const head = measure<Space>([&](auto& work) { work.template take<T>(batch * tokens, config_.dim); }) +
                           layer_norm_backward_workspace<T>(config_.dim);
  std::size_t const blocks = at_.blocks.workspace(batch, tokens, pass);
  return state + (pass == Pass::inference ? blocks : std::max(head, blocks));
}

template <class Space, class T>
void TostCausal<Space, T>::embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first,
                                 State& state) const {
  constexpr char const* where = "krate::models::TostCausal";
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
void TostCausal<Space, T>::head(Space const& space, State& state) const {
  at_.norm.forward(space, parameters_, state.stack, as_rows(state.stack.tokens.back()), state.head_input, state.mean,
                   state.deviation);
  linear(space, state.head_input, parameters_.value_matrix(at_.tokens), Vector<T, Space>(), state.logits);
}

template <class Space, class T>
void TostCausal<Space, T>::forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                                   Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::TostCausal::forward"));
  embed(space, ids, 0, state);
  at_.blocks.forward(space, parameters_, state.stack, work, tap);
  head(space, state);
}

template <class Space, class T>
void TostCausal<Space, T>::step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position,
                                State& state, Cache const& cache, Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::TostCausal::step"));
  embed(space, ids, position, state);
  at_.blocks.step(space, parameters_, state.stack, cache, position, work);
  head(space, state);
}

template <class Space, class T>
void TostCausal<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                    Workspace<Space> work, Ready ready, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::TostCausal::backward"));
  auto const& p = parameters_;
  auto const dtokens = p.gradient_matrix(at_.tokens);
  auto const dz = as_rows(state.stack.gradient);
  {
    auto rest = work;
    auto const dhead_input = rest.template take<T>(dz.extent(0), dz.extent(1));
    linear_backward(space, state.head_input, p.value_matrix(at_.tokens), dlogits, rest, dhead_input, dtokens,
                    Vector<T, Space>());
    at_.norm.backward(space, p, state.stack, as_rows(state.stack.tokens.back()), state.mean, state.deviation,
                      dhead_input, InputGradient::write, rest, dz);
  }
  if (ready) ready(range_of(p, at_.norm.weight, p.entries().size()));
  at_.blocks.backward(space, p, state.stack, work, tap, ready);
  look_up_backward(space, flat_ids<Space>(state.positions), dz, no_padding, p.gradient_matrix(at_.positions));
  look_up_backward(space, flat_ids<Space>(state.ids), dz, no_padding, dtokens);
  if (ready) ready(range_of(p, at_.tokens, at_.positions + 1));
}

}  // namespace krate::models
