// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/nn/gelu.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "models/impl/initialize_def.hpp"

namespace krate::models {

template <class Space, class T>
typename CrateBert<Space, T>::Parameters CrateBert<Space, T>::list_embedding(ParameterTable& table,
                                                                             CrateBertConfig const& c) {
  std::size_t const d = c.dim;
  std::string const official = "crate.embeddings.";
  Initial const start{Initial::normal, 0.02};
  Parameters p{};
  p.tokens = table.add("token_embedding", official + "word_embeddings.weight", {c.vocabulary, d}, start);
  table.tie(p.tokens, "lm_head.decoder.weight");
  p.positions = table.add("position_embedding", official + "position_embeddings.weight", {c.positions(), d}, start);
  p.types = table.add("type_embedding", official + "token_type_embeddings.weight", {c.token_types, d}, start);
  p.norm_embedded_weight = table.add("norm_embedded/weight", official + "LayerNorm.weight", {d}, {Initial::one});
  p.norm_embedded_bias = table.add("norm_embedded/bias", official + "LayerNorm.bias", {d}, {Initial::zero});
  return p;
}

template <class Space, class T>
BlockStack<Space, T> CrateBert<Space, T>::list_blocks(ParameterTable& table, CrateBertConfig const& c) {
  BlockConfig blocks{c.dim, c.heads, c.head_dim(), c.eta, c.lambda, c.norm_eps, c.products};
  blocks.output_bias = blocks.may_lack_output_map = false;
  BlockStack<Space, T> stack(table, blocks, c.depth, crate_bert_names());
  for (std::size_t i = 0; i < c.depth; ++i) {
    table.set_initial(stack.block(i).projection, {Initial::normal, 0.02});
    table.set_initial(stack.block(i).output_weight, {Initial::normal, 0.02});
  }
  return stack;
}

template <class Space, class T>
void CrateBert<Space, T>::list_head(ParameterTable& table, CrateBertConfig const& c, Parameters& p) {
  std::size_t const d = c.dim;
  p.dense_weight = table.add("head/dense/weight", "lm_head.dense.weight", {d, d}, {Initial::normal, 0.02});
  p.dense_bias = table.add("head/dense/bias", "lm_head.dense.bias", {d}, {Initial::zero});
  p.norm_head_weight = table.add("head/norm/weight", "lm_head.layer_norm.weight", {d}, {Initial::one});
  p.norm_head_bias = table.add("head/norm/bias", "lm_head.layer_norm.bias", {d}, {Initial::zero});
  p.decoder_bias = table.add("head/decoder/bias", "lm_head.bias", {c.vocabulary}, {Initial::zero});
  table.tie(p.decoder_bias, "lm_head.decoder.bias");
  table.decay_matrices_only();
}

template <class Space, class T>
ParameterTable CrateBert<Space, T>::parameter_table(CrateBertConfig const& config) {
  config.validate();
  ParameterTable table;
  auto at = list_embedding(table, config);
  list_blocks(table, config);
  list_head(table, config, at);
  return table;
}

template <class Space, class T>
CrateBert<Space, T>::CrateBert(Space const& space, CrateBertConfig const& config, Seed seed)
    : config_((config.validate(), config)),
      at_(list_embedding(table_, config_)),
      blocks_(list_blocks(table_, config_)) {
  list_head(table_, config_, at_);
  parameters_ = ParameterList<Space, T>(space, table_.specs());
  initialize(space, table_, seed, parameters_);
}

template <class Space, class T>
void CrateBert<Space, T>::cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass,
                              State& state) const {
  std::size_t const rows = batch * tokens, d = config_.dim;
  state.ids = work.template take<Label>(batch, tokens);
  state.types = work.template take<Label>(batch, tokens);
  state.positions = work.template take<Label>(batch, tokens);
  state.keys = work.template take<bool>(batch, tokens);
  state.embedded = work.template take<T>(rows, d);
  state.mean_embedded = work.template take<T>(rows);
  state.deviation_embedded = work.template take<T>(rows);
  state.stack.cut(work, blocks_.config(), blocks_.depth(), batch, tokens, pass);
  state.stack.keys = state.keys;
  state.dense = work.template take<T>(rows, d);
  state.activated = work.template take<T>(rows, d);
  state.mean_head = work.template take<T>(rows);
  state.deviation_head = work.template take<T>(rows);
  state.head_input = work.template take<T>(rows, d);
  state.logits = work.template take<T>(rows, config_.vocabulary);
}

template <class Space, class T>
std::size_t CrateBert<Space, T>::plan(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const state = measure<Space>([&](auto& work) {
    State s;
    cut(work, batch, tokens, pass, s);
  });
  std::size_t const sums = std::max(layer_norm_backward_workspace<T>(config_.dim),
                                    linear_backward_workspace<T>(std::max(config_.dim, config_.vocabulary)));
  std::size_t const blocks = blocks_.workspace(batch, tokens, pass);
  return state + (pass == Pass::inference ? blocks : std::max(blocks, sums));
}

template <class Space, class T>
void CrateBert<Space, T>::forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                                  Workspace<Space> work, Tap<Space, T> tap) const {
  fill(space, state.types, Label(0));
  run(space, ids, state, work, tap);
}

template <class Space, class T>
void CrateBert<Space, T>::forward(Space const& space, ConstMatrix<Label, Space> const& ids,
                                  ConstMatrix<Label, Space> const& types, State& state, Workspace<Space> work,
                                  Tap<Space, T> tap) const {
  copy(space, types, state.types);
  run(space, ids, state, work, tap);
}

template <class Space, class T>
void CrateBert<Space, T>::run(Space const& space, ConstMatrix<Label, Space> const& ids, State& state,
                              Workspace<Space> work, Tap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CrateBert::forward"));
  constexpr char const* where = "krate::models::CrateBert";
  std::size_t const tokens = state.ids.extent(1);
  require_shape(where, "ids", ids, {state.ids.extent(0), tokens}, "batch and tokens of the state");
  require_value(tokens <= config_.context, where, "tokens", tokens,
                ("must be at most the context of the model, " + std::to_string(config_.context)).c_str());
  auto const& p = parameters_;
  LayerNormOptions const norm{config_.embedding_norm_eps};
  copy(space, ids, state.ids);
  number_real_tokens<Space>(space, state.ids, config_.padding, state.positions, state.keys);
  look_up(space, flat_ids<Space>(state.ids), p.value_matrix(at_.tokens), LookUp::write, state.embedded);
  look_up(space, flat_ids<Space>(state.positions), p.value_matrix(at_.positions), LookUp::add, state.embedded);
  look_up(space, flat_ids<Space>(state.types), p.value_matrix(at_.types), LookUp::add, state.embedded);
  layer_norm(space, state.embedded, p.value(at_.norm_embedded_weight), p.value(at_.norm_embedded_bias), norm,
             as_rows(state.stack.tokens.front()), state.mean_embedded, state.deviation_embedded);
  blocks_.forward(space, p, state.stack, work, tap);
  linear(space, as_rows(state.stack.tokens.back()), p.value_matrix(at_.dense_weight), p.value(at_.dense_bias),
         state.dense);
  gelu(space, state.dense, state.activated);
  layer_norm(space, state.activated, p.value(at_.norm_head_weight), p.value(at_.norm_head_bias), norm, state.head_input,
             state.mean_head, state.deviation_head);
  linear(space, state.head_input, p.value_matrix(at_.tokens), p.value(at_.decoder_bias), state.logits);
}

template <class Space, class T>
void CrateBert<Space, T>::backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                   Workspace<Space> work, Ready ready, GradientTap<Space, T> tap) const {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::models::CrateBert::backward"));
  backward_head(space, dlogits, state, work);
  if (ready) ready(range_of(parameters_, at_.dense_weight, at_.decoder_bias + 1));
  blocks_.backward(space, parameters_, state.stack, work, tap, ready);
  backward_embedding(space, state, work);
  if (ready) ready(range_of(parameters_, at_.tokens, at_.norm_embedded_bias + 1));
}

template <class Space, class T>
void CrateBert<Space, T>::backward_head(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                                        Workspace<Space> work) const {
  auto const& p = parameters_;
  auto const top = as_rows(state.stack.gradient[blocks_.depth() % 2]),
             other = as_rows(state.stack.gradient[(blocks_.depth() + 1) % 2]);
  linear_backward(space, state.head_input, p.value_matrix(at_.tokens), dlogits, work, other,
                  p.gradient_matrix(at_.tokens), p.gradient(at_.decoder_bias));
  layer_norm_backward(space, state.activated, p.value(at_.norm_head_weight), state.mean_head, state.deviation_head,
                      other, InputGradient::write, work, top, p.gradient(at_.norm_head_weight),
                      p.gradient(at_.norm_head_bias));
  gelu_backward(space, state.dense, top, other);
  linear_backward(space, as_rows(state.stack.tokens.back()), p.value_matrix(at_.dense_weight), other, work, top,
                  p.gradient_matrix(at_.dense_weight), p.gradient(at_.dense_bias));
}

template <class Space, class T>
void CrateBert<Space, T>::backward_embedding(Space const& space, State& state, Workspace<Space> work) const {
  auto const& p = parameters_;
  auto const dz = as_rows(state.stack.gradient[0]), dembedded = as_rows(state.stack.gradient[1]);
  layer_norm_backward(space, state.embedded, p.value(at_.norm_embedded_weight), state.mean_embedded,
                      state.deviation_embedded, dz, InputGradient::write, work, dembedded,
                      p.gradient(at_.norm_embedded_weight), p.gradient(at_.norm_embedded_bias));
  look_up_backward(space, flat_ids<Space>(state.ids), dembedded, config_.padding, p.gradient_matrix(at_.tokens));
  look_up_backward(space, flat_ids<Space>(state.positions), dembedded, config_.padding,
                   p.gradient_matrix(at_.positions));
  look_up_backward(space, flat_ids<Space>(state.types), dembedded, no_padding, p.gradient_matrix(at_.types));
}

}  // namespace krate::models
