// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/linalg/negate.hpp"
#include "krate/linalg/products.hpp"
#include "krate/models/decoder_stack.hpp"
#include "krate/nn/layer_norm.hpp"

namespace krate::models {

template <class Space, class T>
void DecoderState<Space, T>::cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth,
                                 std::size_t batch, std::size_t tokens_each, Pass pass) {
  bool const keeps = pass != Pass::inference;
  auto const take_tokens = [&] { return work.template take<T>(batch, tokens_each, config.dim); };
  auto const take_rows = [&] { return work.template take<T>(batch * tokens_each); };
  tokens.resize(depth + 1);
  saved.resize(depth);
  for (std::size_t i = 0; i <= depth; ++i) tokens[i] = keeps || i < 2 ? take_tokens() : tokens[i - 2];
  for (std::size_t i = 0; i < depth; ++i) {
    if (!keeps && i > 0) {
      saved[i] = saved[0];
      continue;
    }
    auto& s = saved[i];
    for (auto* rows : {&s.mean_dictionary, &s.deviation_dictionary, &s.mean_mssa, &s.deviation_mssa})
      *rows = take_rows();
    s.linear = take_tokens();
    s.mssa = MssaSaved<Space, T>::cut(work, batch, tokens_each, config.heads, config.inner());
  }
  if (!keeps) return;
  for (auto& buffer : gradient) buffer = take_tokens();
}

/// One decoder block with its parameters at hand.
template <class Space, class T>
struct DecoderBlockLayers {
  ParameterList<Space, T> const& list;
  DecoderBlockParameters const& at;
  BlockConfig const& config;

  LayerNormOptions norm() const { return {config.norm_eps}; }
  Matrix<T, Space> output(bool gradient) const {
    if (!config.has_output_map()) return Matrix<T, Space>(nullptr, 0, 0);
    return gradient ? list.gradient_matrix(at.output_weight) : list.value_matrix(at.output_weight);
  }
  Vector<T, Space> output_bias(bool gradient) const {
    if (!config.has_output_map()) return Vector<T, Space>(nullptr, 0);
    return gradient ? list.gradient(at.output_bias) : list.value(at.output_bias);
  }
  void norm_dictionary(Space const& space, Tensor3<T, Space> const& z, DecoderBlockSaved<Space, T> const& s,
                       Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(z), list.value(at.norm_dictionary_weight), list.value(at.norm_dictionary_bias), norm(),
               as_rows(out), s.mean_dictionary, s.deviation_dictionary);
  }
  void norm_mssa(Space const& space, DecoderBlockSaved<Space, T> const& s, Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(s.linear), list.value(at.norm_mssa_weight), list.value(at.norm_mssa_bias), norm(),
               as_rows(out), s.mean_mssa, s.deviation_mssa);
  }

  void forward(Space const& space, Tensor3<T, Space> const& z, DecoderBlockSaved<Space, T> const& s,
               Workspace<Space> work, Tensor3<T, Space> const& out) const {
    auto const normed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    norm_dictionary(space, z, s, normed);
    multiply(space, config.products, "N", "T", as_rows(normed), list.value_matrix(at.dictionary), {}, as_rows(s.linear),
             work);
    norm_mssa(space, s, normed);
    mssa(space, normed, list.value_matrix(at.projection), output(false), output_bias(false), config.mssa(), work,
         s.mssa, out);
    negate(space, out, out);
    add(space, s.linear, out);
  }

  void backward(Space const& space, Tensor3<T, Space> const& z, DecoderBlockSaved<Space, T> const& s,
                Tensor3<T, Space> const& dout, Workspace<Space> work, Tensor3<T, Space> const& dz) const {
    auto const take = [&] { return work.template take<T>(z.extent(0), z.extent(1), config.dim); };
    auto const normed = take(), dnormed = take(), negative = take();
    auto const& dlinear = dz;
    copy(space, dout, dlinear);
    negate(space, dout, negative);
    norm_mssa(space, s, normed);
    mssa_backward(space, normed, list.value_matrix(at.projection), output(false), config.mssa(), s.mssa, negative, work,
                  dnormed, list.gradient_matrix(at.projection), output(true), output_bias(true));
    layer_norm_backward(space, as_rows(s.linear), list.value(at.norm_mssa_weight), s.mean_mssa, s.deviation_mssa,
                        as_rows(dnormed), InputGradient::add, work, as_rows(dlinear),
                        list.gradient(at.norm_mssa_weight), list.gradient(at.norm_mssa_bias));
    norm_dictionary(space, z, s, normed);
    auto const ddictionary = list.gradient_matrix(at.dictionary);
    multiply(space, config.products, "T", "N", as_rows(dlinear), as_rows(normed), {.addend = ddictionary}, ddictionary,
             work);
    multiply(space, config.products, "N", "N", as_rows(dlinear), list.value_matrix(at.dictionary), {}, as_rows(dnormed),
             work);
    layer_norm_backward(space, as_rows(z), list.value(at.norm_dictionary_weight), s.mean_dictionary,
                        s.deviation_dictionary, as_rows(dnormed), InputGradient::write, work, as_rows(dz),
                        list.gradient(at.norm_dictionary_weight), list.gradient(at.norm_dictionary_bias));
  }
};

template <class Space, class T>
DecoderStack<Space, T>::DecoderStack(ParameterTable& table, BlockConfig const& config, std::size_t depth)
    : config_(config) {
  for (std::size_t i = 0; i < depth; ++i) blocks_.push_back(DecoderBlockParameters::list(table, config, i));
}

template <class Space, class T>
std::size_t DecoderStack<Space, T>::workspace(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const rows = batch * tokens, d = config_.dim, inner = config_.inner();
  std::size_t const one = measure<Space>([&](auto& work) { work.template take<T>(rows, d); });
  std::size_t const forward = one + std::max(mssa_workspace<Space, T>(batch, tokens, inner, d, config_.mssa()),
                                             products_workspace<T>(config_.products, rows, d, d));
  if (pass == Pass::inference) return forward;
  return std::max(
      forward,
      3 * one + std::max({mssa_backward_workspace<Space, T>(batch, tokens, inner, d, config_.mssa()),
                          products_workspace<T>(config_.products, d, d, rows),
                          products_workspace<T>(config_.products, rows, d, d), layer_norm_backward_workspace<T>(d)}));
}

template <class Space, class T>
void DecoderStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& parameters,
                                     DecoderState<Space, T>& state, Workspace<Space> work) const {
  for (std::size_t i = 0; i < depth(); ++i)
    DecoderBlockLayers<Space, T>{parameters, blocks_[i], config_}.forward(space, state.tokens[i], state.saved[i], work,
                                                                          state.tokens[i + 1]);
}

template <class Space, class T>
void DecoderStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& parameters,
                                      DecoderState<Space, T>& state, Workspace<Space> work, Ready ready) const {
  for (std::size_t i = depth(); i-- > 0;) {
    DecoderBlockLayers<Space, T>{parameters, blocks_[i], config_}.backward(
        space, state.tokens[i], state.saved[i], state.gradient[(i + 1) % 2], work, state.gradient[i % 2]);
    if (ready) ready(range_of(parameters, blocks_[i].first, blocks_[i].last));
  }
}

}  // namespace krate::models
