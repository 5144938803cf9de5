// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "models/impl/block_layers.hpp"

namespace krate::models {

template <class Space, class T>
void StackState<Space, T>::cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
                               std::size_t tokens_each, Pass pass) {
  recompute = pass == Pass::recompute;
  std::size_t const rows = batch * tokens_each;
  auto const take_tokens = [&] { return work.template take<T>(batch, tokens_each, config.dim); };
  auto const take_rows = [&] { return work.template take<T>(rows); };
  tokens.resize(depth + 1);
  saved.resize(depth);
  for (std::size_t i = 0; i <= depth; ++i) tokens[i] = pass != Pass::inference || i < 2 ? take_tokens() : tokens[i - 2];
  for (std::size_t i = 0; i < depth; ++i) {
    if (pass != Pass::training && i > 0) {
      saved[i] = saved[0];
      continue;
    }
    auto const mean_mssa = take_rows(), deviation_mssa = take_rows(), mean_ista = take_rows(),
               deviation_ista = take_rows();
    BlockSaved<Space, T> s{mean_mssa, deviation_mssa, mean_ista, deviation_ista, {}, {}, {}, {}, {}};
    if (config.has_mhsa()) {
      s.mhsa = MhsaSaved<Space, T>::cut(work, batch, tokens_each, config.heads, config.inner());
    } else {
      s.mssa = MssaSaved<Space, T>::cut(work, batch, tokens_each, config.heads, config.inner());
    }
    s.residual = take_tokens();
    if (config.coding.overcomplete())
      s.coder = OvercompleteIstaSaved<Space, T>::cut(work, rows, config.dim, config.codes());
    if (config.has_mlp()) s.hidden = work.template take<T>(rows, config.hidden);
    saved[i] = s;
  }
  if (pass != Pass::inference) {
    gradient[0] = take_tokens();
    gradient[1] = take_tokens();
    prepared = false;
  }
  if (!prepared) {
    bool const keeps = pass != Pass::inference && config.folds() && krate::impl::ista_folds(rows, config.dim);
    cut_folds(work, config.dim, keeps ? depth : 0);
  }
}

template <class Space, class T>
void StackState<Space, T>::cut_folds(Workspace<Space>& work, std::size_t dim, std::size_t depth) {
  folds.resize(depth);
  for (auto& fold : folds) fold = work.template take<T>(dim, dim);
}

template <class Space, class T>
BlockStack<Space, T>::BlockStack(ParameterTable& table, BlockConfig const& config, std::size_t depth,
                                 BlockNames const& official)
    : config_(config) {
  for (std::size_t i = 0; i < depth; ++i) {
    auto block = BlockParameters::list(table, config, official, i);
    if (config.has_mlp()) {
      std::string const norm = table.specs()[block.norm_ista_bias].name, theirs = official.blocks + std::to_string(i);
      mlps_.emplace_back(table, norm.substr(0, norm.find("/norm_")) + "/mlp", theirs + official.mlp_first,
                         theirs + official.mlp_second,
                         FeedForwardConfig{config.dim, config.hidden, true, config.deviation, config.output_deviation,
                                           config.products});
      block.last = table.specs().size();
    }
    blocks_.push_back(block);
  }
}

/// Bytes of attention, in each direction.
template <class Space, class T>
std::size_t attention_bytes(BlockConfig const& c, std::size_t batch, std::size_t tokens) {
  return c.has_mhsa() ? mhsa_workspace<Space, T>(batch, tokens, c.inner(), c.dim, c.mhsa())
                      : mssa_workspace<Space, T>(batch, tokens, c.inner(), c.dim, c.mssa());
}
template <class Space, class T>
std::size_t attention_backward_bytes(BlockConfig const& c, std::size_t batch, std::size_t tokens) {
  return c.has_mhsa() ? mhsa_backward_workspace<Space, T>(batch, tokens, c.inner(), c.dim, c.mhsa())
                      : mssa_backward_workspace<Space, T>(batch, tokens, c.inner(), c.dim, c.mssa());
}

/// Bytes of the sparse half, in each direction.
template <class Space, class T>
std::size_t sparse_workspace(BlockConfig const& c, std::size_t rows) {
  if (c.coding.overcomplete()) {
    return std::max(overcomplete_ista_workspace<Space, T>(rows, c.dim, c.codes(), c.products),
                    decode_workspace<T>(rows, c.dim, c.codes(), c.products));
  }
  return std::max(ista_workspace<Space, T>(rows, c.dim), folded_ista_workspace<Space, T>(rows, c.dim, c.products));
}
template <class Space, class T>
std::size_t sparse_backward_workspace(BlockConfig const& c, std::size_t rows) {
  if (c.coding.overcomplete())
    return overcomplete_ista_backward_workspace<Space, T>(rows, c.dim, c.codes(), c.products);
  return std::max(ista_backward_workspace<Space, T>(rows, c.dim),
                  folded_ista_backward_workspace<Space, T>(rows, c.dim, c.products));
}

template <class Space, class T>
std::size_t BlockStack<Space, T>::workspace(std::size_t batch, std::size_t tokens, Pass pass) const {
  std::size_t const rows = batch * tokens;
  std::size_t const one = measure<Space>([&](auto& work) { work.template take<T>(rows, config_.dim); });
  std::size_t const forward =
      one + std::max({attention_bytes<Space, T>(config_, batch, tokens),
                      config_.has_mlp() ? mlps_.front().workspace(rows) : sparse_workspace<Space, T>(config_, rows)});
  if (pass == Pass::inference) return forward;
  std::size_t const backward =
      2 * one + std::max({attention_backward_bytes<Space, T>(config_, batch, tokens),
                          config_.has_mlp() ? mlps_.front().backward_workspace(rows)
                                            : sparse_backward_workspace<Space, T>(config_, rows),
                          layer_norm_backward_workspace<T>(config_.dim)});
  return std::max(forward, backward);
}

template <class Space, class T>
std::size_t BlockStack<Space, T>::step_workspace(std::size_t batch, std::size_t context) const {
  std::size_t const inner = config_.inner(), d = config_.dim;
  std::size_t const queries =
      config_.has_mhsa() ? measure<Space>([&](auto& work) { work.template take<T>(batch, inner); }) : 0;
  return workspace(batch, 1, Pass::inference) + queries +
         std::max({newest_token_workspace<Space, T>(batch, context, config_.heads),
                   products_workspace<T>(config_.products, batch, queries ? 2 * inner : inner, d),
                   products_workspace<T>(config_.products, batch, d, inner)});
}

template <class Space, class T>
void BlockStack<Space, T>::step(Space const& space, ParameterList<Space, T> const& parameters,
                                StackState<Space, T>& state, TokenCache<Space, T> const& cache, std::size_t position,
                                Workspace<Space> work) const {
  auto const& shape = state.tokens.front();
  auto const normed = work.template take<T>(shape.extent(0), shape.extent(1), config_.dim);
  for (std::size_t i = 0; i < depth(); ++i) {
    BlockLayers<Space, T> const block{parameters, blocks_[i], config_, mlp(i), fold_of(state, i), {}};
    block.attend_newest(space, state.tokens[i], state.saved[i], cache.projected[i], position, work, normed);
    block.code(space, state.saved[i], work, normed, state.tokens[i + 1]);
  }
}

template <class Space, class T>
std::size_t BlockStack<Space, T>::prepared_bytes() const {
  return measure<Space>(
      [&](auto& work) { StackState<Space, T>().cut_folds(work, config_.dim, config_.folds() ? depth() : 0); });
}

template <class Space, class T>
void BlockStack<Space, T>::prepare(Space const& space, ParameterList<Space, T> const& parameters,
                                   Workspace<Space>& work, StackState<Space, T>& state) const {
  state.cut_folds(work, config_.dim, config_.folds() ? depth() : 0);
  for (std::size_t i = 0; i < state.folds.size(); ++i)
    BlockLayers<Space, T>{parameters, blocks_[i], config_, mlp(i), state.folds[i], {}}.make_fold(space);
  state.prepared = true;
}

template <class Space, class T>
Matrix<T, Space> fold_of(StackState<Space, T> const& state, std::size_t block) {
  return state.folds.empty() ? Matrix<T, Space>() : state.folds[block];
}

template <class Space, class T>
void BlockStack<Space, T>::forward(Space const& space, ParameterList<Space, T> const& parameters,
                                   StackState<Space, T>& state, Workspace<Space> work, Tap<Space, T> tap) const {
  for (std::size_t i = 0; i < depth(); ++i) {
    BlockLayers<Space, T> const block{parameters, blocks_[i], config_, mlp(i), fold_of(state, i), state.keys};
    if (!state.prepared) block.make_fold(space);
    block.forward(space, state.tokens[i], state.saved[i], work, state.tokens[i + 1]);
    if (!tap) continue;
    auto const& saved = state.saved[i];
    tap({i, state.tokens[i], saved.mssa, saved.residual, state.tokens[i + 1],
         block.code_of(saved, state.tokens[i + 1])});
  }
}

template <class Space, class T>
void BlockStack<Space, T>::backward(Space const& space, ParameterList<Space, T> const& parameters,
                                    StackState<Space, T>& state, Workspace<Space> work, GradientTap<Space, T> tap,
                                    Ready ready) const {
  for (std::size_t i = depth(); i-- > 0;) {
    auto const &dout = state.gradient[(i + 1) % 2], &dz = state.gradient[i % 2];
    if (tap) tap(i, dout);
    bool const anew = state.recompute && i + 1 < depth();  // the last block's are still there
    BlockLayers<Space, T>{parameters, blocks_[i], config_, mlp(i), fold_of(state, i), state.keys}.backward(
        space, state.tokens[i], state.saved[i], state.tokens[i + 1], dout, anew, work, dz);
    if (ready) ready(range_of(parameters, blocks_[i].first, blocks_[i].last));
  }
}

}  // namespace krate::models
