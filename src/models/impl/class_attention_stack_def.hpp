// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/attention/class_attention.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/models/class_attention_stack.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/nn/layer_scale.hpp"
#include "krate/nn/linear.hpp"
#include "krate/nn/look_up.hpp"

namespace krate::models {

template <class Space, class T>
ClassAttentionStack<Space, T>::ClassAttentionStack(ParameterTable& table, ClassAttentionConfig const& c,
                                                   std::size_t depth)
    : config_(c), class_token_(table.add("class_token", "cls_token", {c.dim}, {Initial::normal, 0.02})) {
  std::size_t const d = c.dim;
  Initial const normal{Initial::normal, 0.02}, one{Initial::one}, zero{Initial::zero};
  table.set_official_shape(class_token_, {1, 1, d});
  for (std::size_t i = 0; i < depth; ++i) {
    std::string const number = std::to_string(i), name = "class_blocks/0" + number + "/",
                      official = "cls_attn_blocks." + number + ".";
    auto const list = [&](char const* ours, char const* theirs, std::vector<std::size_t> shape, Initial start) {
      return table.add(name + ours, official + theirs, std::move(shape), start);
    };
    Layer at{};
    at.scale_attention = list("scale_attention", "gamma1", {d}, one);
    at.norm_attention_weight = list("norm_attention/weight", "norm1.weight", {d}, one);
    at.norm_attention_bias = list("norm_attention/bias", "norm1.bias", {d}, zero);
    at.qkv_weight = list("attention/qkv/weight", "attn.qkv.weight", {3 * d, d}, normal);
    at.qkv_bias = list("attention/qkv/bias", "attn.qkv.bias", {3 * d}, zero);
    at.output_weight = list("attention/output/weight", "attn.proj.weight", {d, d}, normal);
    at.output_bias = list("attention/output/bias", "attn.proj.bias", {d}, zero);
    at.scale_mlp = list("scale_mlp", "gamma2", {d}, one);
    at.norm_mlp_weight = list("norm_mlp/weight", "norm2.weight", {d}, one);
    at.norm_mlp_bias = list("norm_mlp/bias", "norm2.bias", {d}, zero);
    at.mlp = FeedForward<Space, T>(table, name + "mlp", official + "mlp.fc1", official + "mlp.fc2", {d, c.hidden});
    layers_.push_back(at);
  }
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::initialize_scales(Space const& space, ParameterList<Space, T> const& p) const {
  auto const scale = static_cast<T>(config_.scale);
  for (auto const& at : layers_) {
    fill(space, p.value(at.scale_attention), scale);
    fill(space, p.value(at.scale_mlp), scale);
  }
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::cut(Workspace<Space>& work, std::size_t batch, std::size_t patches, Pass pass,
                                        State& state) const {
  std::size_t const n = patches + 1, rows = batch * n, d = config_.dim;
  auto const take_tokens = [&] { return work.template take<T>(batch, n, d); };
  state.tokens.resize(layers_.size() + 1);
  state.saved.resize(layers_.size());
  for (auto& tokens : state.tokens) tokens = take_tokens();
  for (auto& s : state.saved) {
    s.mean_attention = work.template take<T>(rows);
    s.deviation_attention = work.template take<T>(rows);
    s.mean_mlp = work.template take<T>(rows);
    s.deviation_mlp = work.template take<T>(rows);
    s.normed = take_tokens();
    s.qkv = work.template take<T>(batch, n, 3 * d);
    s.probabilities = work.template take<T>(batch, config_.heads, n);
    s.attended = work.template take<T>(batch, d);
    s.branch = take_tokens();
    s.residual = take_tokens();
    s.z = take_tokens();
    s.hidden = work.template take<T>(batch, config_.hidden);
    s.fed = work.template take<T>(batch, d);
  }
  state.zeros = work.template take<Label>(batch);
  if (pass != Pass::inference) state.gradient = take_tokens();
}

/// Temporaries of one layer's backward pass.
template <class Space, class T>
struct ClassAttentionGradients {
  Tensor3<T, Space> dz, dbranch, dqkv, dnormed;
  Matrix<T, Space> dclass, dattended;
  template <class W>
  ClassAttentionGradients(W& work, std::size_t batch, std::size_t n, std::size_t d)
      : dz(work.template take<T>(batch, n, d)),
        dbranch(work.template take<T>(batch, n, d)),
        dqkv(work.template take<T>(batch, n, 3 * d)),
        dnormed(work.template take<T>(batch, n, d)),
        dclass(work.template take<T>(batch, d)),
        dattended(work.template take<T>(batch, d)) {}
};

template <class Space, class T>
std::size_t ClassAttentionStack<Space, T>::backward_workspace(std::size_t batch, std::size_t patches) const {
  std::size_t const d = config_.dim;
  return measure<Space>([&](auto& work) { ClassAttentionGradients<Space, T>(work, batch, patches + 1, d); }) +
         std::max({layers_.front().mlp.backward_workspace(batch), layer_norm_backward_workspace<T>(d),
                   layer_scale_backward_workspace<T>(d), linear_backward_workspace<T>(3 * d)});
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                            Tensor3<T, Space> const& patches, State& state,
                                            Workspace<Space> work) const {
  auto const& first = state.tokens.front();
  fill(space, state.zeros, Label(0));
  Vector<T, Space> const token = p.value(class_token_);
  look_up(space, state.zeros, Matrix<T, Space>(token.data(), 1, token.size()), LookUp::write, class_rows(first));
  copy_rows<Space, T, T>(space, Matrix<T, Space>(patches.data(), patches.extent(0), patches.extent(1) * config_.dim),
                         patch_rows(first));
  for (std::size_t i = 0; i < layers_.size(); ++i) forward(space, p, state, i, work);
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p, State const& state,
                                            std::size_t layer, Workspace<Space> work) const {
  auto const& at = layers_[layer];
  auto const& s = state.saved[layer];
  auto const &x = state.tokens[layer], &out = state.tokens[layer + 1];
  LayerNormOptions const norm{config_.norm_eps};
  layer_norm(space, as_rows(x), p.value(at.norm_attention_weight), p.value(at.norm_attention_bias), norm,
             as_rows(s.normed), s.mean_attention, s.deviation_attention);
  linear(space, as_rows(s.normed), p.value_matrix(at.qkv_weight), p.value(at.qkv_bias), as_rows(s.qkv));
  class_attention(space, s.qkv, s.probabilities, s.attended);
  copy(space, s.normed, s.branch);
  linear(space, s.attended, p.value_matrix(at.output_weight), p.value(at.output_bias), class_rows(s.branch));
  layer_scale(space, as_rows(x), as_rows(s.branch), p.value(at.scale_attention), as_rows(s.residual));
  layer_norm(space, as_rows(s.residual), p.value(at.norm_mlp_weight), p.value(at.norm_mlp_bias), norm, as_rows(s.z),
             s.mean_mlp, s.deviation_mlp);
  copy(space, s.z, out);
  add(space, s.z, out);
  at.mlp.forward(space, p, class_rows(s.z), work, s.hidden, s.fed);
  layer_scale(space, class_rows(s.z), s.fed, p.value(at.scale_mlp), class_rows(out));
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State const& state,
                                             std::size_t layer, Workspace<Space> work) const {
  auto const& at = layers_[layer];
  auto const& s = state.saved[layer];
  auto const &x = state.tokens[layer], &dx = state.gradient;
  ClassAttentionGradients<Space, T> const d(work, x.extent(0), x.extent(1), config_.dim);
  // The class token's rows of dz come from the MLP and the residual beside it, all others count twice.
  copy(space, dx, d.dz);
  add(space, dx, d.dz);
  layer_scale_backward(space, s.fed, p.value(at.scale_mlp), class_rows(dx), work, d.dclass, p.gradient(at.scale_mlp));
  at.mlp.backward(space, p, class_rows(s.z), s.hidden, d.dclass, work, d.dattended);
  copy_rows<Space, T, T>(space, class_rows(dx), d.dclass);
  add(space, d.dattended, d.dclass);
  copy_rows<Space, T, T>(space, d.dclass, class_rows(d.dz));
  layer_norm_backward(space, as_rows(s.residual), p.value(at.norm_mlp_weight), s.mean_mlp, s.deviation_mlp,
                      as_rows(d.dz), InputGradient::write, work, as_rows(dx), p.gradient(at.norm_mlp_weight),
                      p.gradient(at.norm_mlp_bias));
  layer_scale_backward(space, as_rows(s.branch), p.value(at.scale_attention), as_rows(dx), work, as_rows(d.dbranch),
                       p.gradient(at.scale_attention));
  copy_rows<Space, T, T>(space, class_rows(d.dbranch), d.dclass);
  linear_backward(space, s.attended, p.value_matrix(at.output_weight), d.dclass, work, d.dattended,
                  p.gradient_matrix(at.output_weight), p.gradient(at.output_bias));
  class_attention_backward(space, s.qkv, s.probabilities, d.dattended, d.dqkv);
  linear_backward(space, as_rows(s.normed), p.value_matrix(at.qkv_weight), as_rows(d.dqkv), work, as_rows(d.dnormed),
                  p.gradient_matrix(at.qkv_weight), p.gradient(at.qkv_bias));
  fill(space, d.dclass, T(0));
  copy_rows<Space, T, T>(space, d.dclass, class_rows(d.dbranch));
  add(space, d.dbranch, d.dnormed);
  layer_norm_backward(space, as_rows(x), p.value(at.norm_attention_weight), s.mean_attention, s.deviation_attention,
                      as_rows(d.dnormed), InputGradient::add, work, as_rows(dx), p.gradient(at.norm_attention_weight),
                      p.gradient(at.norm_attention_bias));
}

template <class Space, class T>
void ClassAttentionStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p, State& state,
                                             Workspace<Space> work, Tensor3<T, Space> const& dpatches) const {
  for (std::size_t i = layers_.size(); i-- > 0;) backward(space, p, state, i, work);
  Vector<T, Space> const dtoken = p.gradient(class_token_);
  look_up_backward(space, state.zeros, class_rows(state.gradient), no_padding,
                   Matrix<T, Space>(dtoken.data(), 1, dtoken.size()));
  copy_rows<Space, T, T>(space, patch_rows(state.gradient),
                         Matrix<T, Space>(dpatches.data(), dpatches.extent(0), dpatches.extent(1) * config_.dim));
}

}  // namespace krate::models
