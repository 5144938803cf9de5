// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/core/label.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/block_def.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename CausalCrate<Space, T>::Parameters CausalCrate<Space, T>::list_embedding(ParameterTable& table,
                                                                                 CausalCrateConfig const& c) {
  Initial const start{Initial::normal, 0.02};
  Parameters p{};
  p.tokens = table.add("token_embedding", "transformer.wte.weight", {c.vocabulary, c.dim}, start);
  table.tie(p.tokens, "lm_head.weight");
  p.positions = table.add("position_embedding", "transformer.wpe.weight", {c.context, c.dim}, start);
  return p;
}

template <class Space, class T>
BlockStack<Space, T> CausalCrate<Space, T>::list_blocks(ParameterTable& table, CausalCrateConfig const& c) {
  BlockConfig blocks{c.dim, c.heads, c.head_dim(), c.eta, c.lambda, c.norm_eps, c.products};
  blocks.mask = Mask::causal;
  blocks.may_lack_output_map = false;
  if (c.overcomplete)
    blocks.coding = {.expansion = c.expansion, .own_decoder = false, .residual = false, .transposed = true};
  BlockStack<Space, T> stack(table, blocks, c.depth, causal_crate_names());
  for (std::size_t i = 0; i < c.depth; ++i) {
    auto const& at = stack.block(i);
    table.set_initial(at.projection, {Initial::normal, 0.02});
    table.add_buffer("transformer.h." + std::to_string(i) + ".attn.bias");  // the mask, as numbers
    table.set_initial(at.output_weight, {Initial::normal, 0.02 / std::sqrt(2 * static_cast<double>(c.depth))});
    table.set_initial(at.output_bias, {Initial::zero});
  }
  return stack;
}

template <class Space, class T>
void CausalCrate<Space, T>::list_norm(ParameterTable& table, CausalCrateConfig const& c, Parameters& p) {
  if (!c.overcomplete) return;
  p.norm_weight = table.add("norm/weight", "transformer.ln_f.weight", {c.dim}, {Initial::one});
  p.norm_bias = table.add("norm/bias", "transformer.ln_f.bias", {c.dim}, {Initial::zero});
}

template <class Space, class T>
ParameterTable CausalCrate<Space, T>::parameter_table(CausalCrateConfig const& config) {
  config.validate();
  ParameterTable table;
  auto at = list_embedding(table, config);
  list_blocks(table, config);
  list_norm(table, config, at);
  table.decay_matrices_only();
  return table;
}

template <class Space, class T>
CausalCrate<Space, T>::CausalCrate(Space const& space, CausalCrateConfig const& config, Seed seed)
    : config_((config.validate(), config)),
      at_(list_embedding(table_, config_)),
      blocks_(list_blocks(table_, config_)) {
  list_norm(table_, config_, at_);
  table_.decay_matrices_only();
  parameters_ = ParameterList<Space, T>(space, table_.specs());
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void CausalCrate<Space, T>::cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass,
                                State& state) const {
  state.ids = work.template take<Label>(batch, tokens);
  state.positions = work.template take<Label>(batch, tokens);
  state.stack.cut(work, blocks_.config(), blocks_.depth(), batch, tokens, pass);
  state.head_input = as_rows(state.stack.tokens.back());
  if (config_.overcomplete) {
    state.head_input = work.template take<T>(batch * tokens, config_.dim);
    state.mean = work.template take<T>(batch * tokens);
    state.deviation = work.template take<T>(batch * tokens);
  }
  state.logits = work.template take<T>(batch * tokens, config_.vocabulary);
}

template <class Space, class T>
void CausalCrate<Space, T>::cut(Workspace<Space>& work, std::size_t batch, TokenCache<Space, T>& cache) const {
  cache.cut(work, blocks_.config(), blocks_.depth(), batch, config_.context);
}

template <class Space, class T>
std::size_t CausalCrate<Space, T>::plan(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, tokens, pass, s);
  });
  return state + blocks_.workspace(batch, tokens, pass);
}

template <class Space, class T>
void CausalCrate<Space, T>::embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first,
                                  State& state) const {
  constexpr char const* where = "krate::models::CausalCrate";
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
void CausalCrate<Space, T>::head(Space const& space, State& state) const {
  if (config_.overcomplete) {
    layer_norm(space, as_rows(state.stack.tokens.back()), parameters_.value(at_.norm_weight),
               parameters_.value(at_.norm_bias), {config_.norm_eps}, state.head_input, state.mean, state.deviation);
  }
  linear(space, state.head_input, parameters_.value_matrix(at_.tokens), Vector<T, Space>(), state.logits);
}

template <class Space, class T>
void CausalCrate<Space, T>::forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                                    Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CausalCrate::forward"));
  embed(space, ids, 0, state);
  blocks_.forward(space, parameters_, state.stack, work, tap);
  head(space, state);
}

template <class Space, class T>
void CausalCrate<Space, T>::step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position,
                                 State& state, TokenCache<Space, T> const& cache, Workspace<Space> work) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CausalCrate::step"));
  embed(space, ids, position, state);
  blocks_.step(space, parameters_, state.stack, cache, position, work);
  head(space, state);
}

template <class Space, class T>
void CausalCrate<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                     Workspace<Space> work, Ready ready, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CausalCrate::backward"));
  auto const& p = parameters_;
  auto const dtokens = p.gradient_matrix(at_.tokens);
  auto const &top = state.stack.gradient[blocks_.depth() % 2], &other = state.stack.gradient[(blocks_.depth() + 1) % 2];
  linear_backward(space, state.head_input, p.value_matrix(at_.tokens), dlogits, work,
                  as_rows(config_.overcomplete ? other : top), dtokens, Vector<T, Space>());
  if (config_.overcomplete) {
    layer_norm_backward(space, as_rows(state.stack.tokens.back()), p.value(at_.norm_weight), state.mean,
                        state.deviation, as_rows(other), InputGradient::write, work, as_rows(top),
                        p.gradient(at_.norm_weight), p.gradient(at_.norm_bias));
    if (ready) ready(range_of(p, at_.norm_weight, at_.norm_bias + 1));
  }
  blocks_.backward(space, p, state.stack, work, tap, ready);
  auto const dz = as_rows(state.stack.gradient[0]);
  look_up_backward(space, flat_ids<Space>(state.positions), dz, no_padding, p.gradient_matrix(at_.positions));
  look_up_backward(space, flat_ids<Space>(state.ids), dz, no_padding, dtokens);
  if (ready) ready(range_of(p, at_.tokens, at_.positions + 1));
}

}  // namespace krate::models
