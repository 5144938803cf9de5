// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/linalg/elementwise.hpp"
#include "krate/models/tost_block.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/layer_scale.hpp"
#include "krate/nn/linear.hpp"

namespace krate::models {

template <class Space, class T>
void TostStackState<Space, T>::cut(Workspace<Space>& work, TostBlockConfig const& c, std::size_t depth,
                                   std::size_t batch, std::size_t tokens_each, Pass pass) {
  recompute = pass == Pass::recompute;
  std::size_t const rows = batch * tokens_each;
  auto const take_tokens = [&] { return work.template take<T>(batch, tokens_each, c.dim); };
  auto const take_rows = [&] { return work.template take<T>(rows); };
  tokens.resize(depth + 1);
  saved.resize(depth);
  for (std::size_t i = 0; i <= depth; ++i) tokens[i] = pass != Pass::inference || i < 2 ? take_tokens() : tokens[i - 2];
  for (std::size_t i = 0; i < depth; ++i) {
    auto& s = saved[i];
    if (pass != Pass::training && i > 0) {
      s = saved[0];
      continue;
    }
    s.mean_attention = take_rows();
    s.deviation_attention = take_rows();
    s.mean_mlp = take_rows();
    s.deviation_mlp = take_rows();
    s.tssa = TssaSaved<Space, T>::cut(work, batch, tokens_each, c.inner(), c.tssa());
    s.attended = take_tokens();
    s.residual = take_tokens();
    s.hidden = work.template take<T>(rows, c.hidden);
    s.fed = work.template take<T>(rows, c.dim);
  }
  if (pass != Pass::inference) gradient = take_tokens();
  no_bias = work.template take<T>(c.bias ? 0 : c.dim);
  no_bias_gradient = work.template take<T>(c.bias ? 0 : c.dim);
}

template <class Space, class T>
TostNorm<Space, T>::TostNorm(ParameterTable& table, std::string const& name, std::string const& official,
                             TostBlockConfig const& c)
    : weight(table.add(name + "/weight", official + ".weight", {c.dim}, {Initial::one})),
      has_bias(c.bias),
      norm_eps(c.norm_eps) {
  if (has_bias) bias = table.add(name + "/bias", official + ".bias", {c.dim}, {Initial::zero});
}

template <class Space, class T>
void TostNorm<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                 TostStackState<Space, T> const& state, ConstMatrix<T, Space> const& x,
                                 Matrix<T, Space> const& y, Vector<T, Space> const& mean,
                                 Vector<T, Space> const& deviation) const {
  layer_norm(space, x, p.value(weight), has_bias ? p.value(bias) : state.no_bias, {norm_eps}, y, mean, deviation);
}

template <class Space, class T>
void TostNorm<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p,
                                  TostStackState<Space, T> const& state, ConstMatrix<T, Space> const& x,
                                  Vector<T, Space> const& mean, Vector<T, Space> const& deviation,
                                  ConstMatrix<T, Space> const& dy, InputGradient how, Workspace<Space> work,
                                  Matrix<T, Space> const& dx) const {
  layer_norm_backward(space, x, p.value(weight), mean, deviation, dy, how, work, dx, p.gradient(weight),
                      has_bias ? p.gradient(bias) : state.no_bias_gradient);
}

template <class Space, class T>
TostStack<Space, T>::TostStack(ParameterTable& table, TostBlockConfig const& config, std::size_t depth,
                               TostBlockNames const& official)
    : config_(config) {
  for (std::size_t i = 0; i < depth; ++i) blocks_.push_back(list(table, official, i));
}

template <class Space, class T>
typename TostStack<Space, T>::Block TostStack<Space, T>::list(ParameterTable& table, TostBlockNames const& official,
                                                              std::size_t index) const {
  auto const& c = config_;
  std::size_t const d = c.dim, inner = c.inner();
  std::string const number = std::to_string(index), name = "blocks/" + std::string(number.size() < 2, '0') + number,
                    block = official.blocks + number;
  Block b{};
  b.scale_attention = table.add(name + "/scale_attention", block + ".gamma1", {d}, {Initial::one});
  b.first = b.scale_attention;
  b.norm_attention = TostNorm<Space, T>(table, name + "/norm_attention", block + official.norm_attention, c);
  // Of the shapes of the authors' code, because weight decay goes by the number of axes.
  b.temperature = c.context > 0
                      ? table.add(name + "/tssa/temperature", block + official.temperature, {c.heads}, {Initial::one})
                      : table.add(name + "/tssa/temperature", block + official.temperature, {c.heads, 1},
                                  {Initial::one}, Split::by_head);
  table.set_official_shape(b.temperature, {c.heads, 1});
  if (c.context > 0) {
    b.position_bias = table.add(name + "/tssa/position_bias", block + official.position_bias, {c.heads, c.context},
                                {Initial::zero}, Split::by_head);
    table.set_official_shape(b.position_bias, {c.heads, c.context, 1});
  }
  auto const map = [&](char const* part, std::string const& names, std::size_t out, std::size_t in, double deviation,
                       Split split) {
    return table.add(name + part + "/weight", block + names + ".weight", {out, in}, {Initial::normal, deviation},
                     split);
  };
  auto const bias = [&](char const* part, std::string const& names, std::size_t out) {
    return c.bias ? table.add(name + part + "/bias", block + names + ".bias", {out}, {Initial::zero}) : 0;
  };
  b.projection = map("/tssa/projection", official.projection, inner, d, 0.02, Split::by_head);
  b.projection_bias = bias("/tssa/projection", official.projection, inner);
  b.output = map("/tssa/output", official.output, d, inner, c.output_deviation, Split::by_column);
  b.output_bias = bias("/tssa/output", official.output, d);
  b.scale_mlp = table.add(name + "/scale_mlp", block + ".gamma2", {d}, {Initial::one});
  b.norm_mlp = TostNorm<Space, T>(table, name + "/norm_mlp", block + official.norm_mlp, c);
  b.mlp = FeedForward<Space, T>(table, name + "/mlp", block + official.mlp_first, block + official.mlp_second,
                                {d, c.hidden, c.bias, 0.02, c.output_deviation});
  b.last = table.specs().size();
  return b;
}

template <class Space, class T>
std::vector<std::size_t> TostStack<Space, T>::position_biases() const {
  std::vector<std::size_t> all;
  if (config_.context > 0)
    for (auto const& b : blocks_) all.push_back(b.position_bias);
  return all;
}

template <class Space, class T>
void TostStack<Space, T>::initialize_scales(Space const& space, ParameterList<Space, T> const& p) const {
  auto const scale = static_cast<T>(config_.scale);
  for (auto const& b : blocks_) {
    fill(space, p.value(b.scale_attention), scale);
    fill(space, p.value(b.scale_mlp), scale);
  }
}

template <class Space, class T>
TssaParameters<Space, T> TostStack<Space, T>::tssa_parameters(ParameterList<Space, T> const& p, Block const& b,
                                                              bool gradient) const {
  auto const matrix = [&](std::size_t i) { return gradient ? p.gradient_matrix(i) : p.value_matrix(i); };
  auto const vector = [&](std::size_t i) { return gradient ? p.gradient(i) : p.value(i); };
  TssaParameters<Space, T> of{};
  of.projection = matrix(b.projection);
  of.temperature = vector(b.temperature);
  if (config_.context > 0) of.position_bias = matrix(b.position_bias);
  of.output = matrix(b.output);
  if (!config_.bias) return of;
  of.bias = vector(b.projection_bias);
  of.output_bias = vector(b.output_bias);
  return of;
}

template <class Space, class T>
std::size_t TostStack<Space, T>::workspace(std::size_t batch, std::size_t tokens, Pass pass) const {
  auto const& c = config_;
  std::size_t const rows = batch * tokens;
  std::size_t const one = measure<Space>([&](auto& work) { work.template take<T>(rows, c.dim); });
  FeedForward<Space, T> const& mlp = blocks_.front().mlp;
  std::size_t const forward =
      one + std::max(tssa_workspace<Space, T>(batch, tokens, c.inner(), c.tssa()), mlp.workspace(rows));
  if (pass == Pass::inference) return forward;
  std::size_t const backward =
      3 * one + std::max({tssa_backward_workspace<Space, T>(batch, tokens, c.inner(), c.dim, c.tssa()),
                          mlp.backward_workspace(rows), layer_norm_backward_workspace<T>(c.dim),
                          layer_scale_backward_workspace<T>(c.dim)});
  return std::max(forward, backward);
}

template <class Space, class T>
void TostStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p, State const& state,
                                  std::size_t block, Workspace<Space> work) const {
  auto const& b = blocks_[block];
  auto const& s = state.saved[block];
  auto const& z = state.tokens[block];
  auto const normed = work.template take<T>(z.extent(0), z.extent(1), config_.dim);
  b.norm_attention.forward(space, p, state, as_rows(z), as_rows(normed), s.mean_attention, s.deviation_attention);
  tssa(space, normed, tssa_parameters(p, b, false), config_.tssa(), work, s.tssa, s.attended);
  feed(space, p, state, block, work, normed);
}

template <class Space, class T>
void TostStack<Space, T>::feed(Space const& space, ParameterList<Space, T> const& p, State const& state,
                               std::size_t block, Workspace<Space> work, Tensor3<T, Space> const& normed) const {
  auto const& b = blocks_[block];
  auto const& s = state.saved[block];
  auto const &z = state.tokens[block], &out = state.tokens[block + 1];
  layer_scale(space, as_rows(z), as_rows(s.attended), p.value(b.scale_attention), as_rows(s.residual));
  b.norm_mlp.forward(space, p, state, as_rows(s.residual), as_rows(normed), s.mean_mlp, s.deviation_mlp);
  b.mlp.forward(space, p, as_rows(normed), work, s.hidden, s.fed);
  layer_scale(space, as_rows(s.residual), s.fed, p.value(b.scale_mlp), as_rows(out));
}

template <class Space, class T>
void TostStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p, State& state,
                                  Workspace<Space> work, Tap<Space, T> tap) const {
  if (!config_.bias) fill(space, state.no_bias, T(0));
  for (std::size_t i = 0; i < depth(); ++i) {
    forward(space, p, state, i, work);
    if (!tap) continue;
    auto const& s = state.saved[i];
    MssaSaved<Space, T> const projected{s.tssa.projected, {}, {}};
    tap({i, state.tokens[i], projected, s.residual, state.tokens[i + 1], state.tokens[i + 1]});
  }
}

template <class Space, class T>
std::size_t TostStack<Space, T>::step_workspace(std::size_t batch, std::size_t) const {
  return workspace(batch, 1, Pass::inference) +
         measure<Space>([&](auto& work) { work.template take<T>(batch, config_.inner()); });
}

template <class Space, class T>
void TostStack<Space, T>::step(Space const& space, ParameterList<Space, T> const& p, State& state,
                               TostCache<Space, T> const& cache, std::size_t position, Workspace<Space> work) const {
  if (!config_.bias) fill(space, state.no_bias, T(0));
  auto const& shape = state.tokens.front();
  auto const normed = work.template take<T>(shape.extent(0), shape.extent(1), config_.dim);
  auto const attended = work.template take<T>(shape.extent(0), config_.inner());
  for (std::size_t i = 0; i < depth(); ++i) {
    auto const& s = state.saved[i];
    auto const tssa = tssa_parameters(p, blocks_[i], false);
    blocks_[i].norm_attention.forward(space, p, state, as_rows(state.tokens[i]), as_rows(normed), s.mean_attention,
                                      s.deviation_attention);
    linear(space, as_rows(normed), tssa.projection, tssa.bias, as_rows(s.tssa.projected));
    attend_newest_statistics(space, as_rows(s.tssa.projected), tssa.temperature, tssa.position_bias, position,
                             cache.sums[i], attended);
    linear(space, attended, tssa.output, tssa.output_bias, as_rows(s.attended));
    feed(space, p, state, i, work, normed);
  }
}

template <class Space, class T>
void TostStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State const& state,
                                   std::size_t block, Workspace<Space> work) const {
  auto const& b = blocks_[block];
  auto const& s = state.saved[block];
  auto const &z = state.tokens[block], &dz = state.gradient;
  auto const take = [&] { return work.template take<T>(z.extent(0), z.extent(1), config_.dim); };
  auto const normed = take(), dnormed = take(), dbranch = take();
  layer_scale_backward(space, s.fed, p.value(b.scale_mlp), as_rows(dz), work, as_rows(dbranch),
                       p.gradient(b.scale_mlp));
  b.norm_mlp.forward(space, p, state, as_rows(s.residual), as_rows(normed), s.mean_mlp, s.deviation_mlp);
  b.mlp.backward(space, p, as_rows(normed), s.hidden, as_rows(dbranch), work, as_rows(dnormed));
  b.norm_mlp.backward(space, p, state, as_rows(s.residual), s.mean_mlp, s.deviation_mlp, as_rows(dnormed),
                      InputGradient::add, work, as_rows(dz));
  layer_scale_backward(space, as_rows(s.attended), p.value(b.scale_attention), as_rows(dz), work, as_rows(dbranch),
                       p.gradient(b.scale_attention));
  b.norm_attention.forward(space, p, state, as_rows(z), as_rows(normed), s.mean_attention, s.deviation_attention);
  tssa_backward(space, normed, tssa_parameters(p, b, false), config_.tssa(), s.tssa, dbranch, work, dnormed,
                tssa_parameters(p, b, true));
  b.norm_attention.backward(space, p, state, as_rows(z), s.mean_attention, s.deviation_attention, as_rows(dnormed),
                            InputGradient::add, work, as_rows(dz));
}

template <class Space, class T>
void TostStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State& state,
                                   Workspace<Space> work, GradientTap<Space, T> tap, Ready ready) const {
  for (std::size_t i = depth(); i-- > 0;) {
    if (tap) tap(i, state.gradient);
    if (state.recompute && i + 1 < depth()) forward(space, p, state, i, work);  // the last block's is still there
    backward(space, p, state, i, work);
    if (ready) ready(range_of(p, blocks_[i].first, blocks_[i].last));
  }
}

}  // namespace krate::models
