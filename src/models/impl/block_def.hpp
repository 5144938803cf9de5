// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/attention/newest_token.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/products.hpp"
#include "krate/models/block.hpp"
#include "krate/nn/layer_norm.hpp"

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
    auto const mssa = MssaSaved<Space, T>::cut(work, batch, tokens_each, config.heads, config.inner());
    saved[i] = {mean_mssa, deviation_mssa, mean_ista, deviation_ista, mssa, take_tokens(), {}};
    if (config.coding.overcomplete())
      saved[i].coder = OvercompleteIstaSaved<Space, T>::cut(work, rows, config.dim, config.codes());
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

/// One block with its parameters at hand.
template <class Space, class T>
struct BlockLayers {
  ParameterList<Space, T> const& list;
  BlockParameters const& at;
  BlockConfig const& config;
  Matrix<T, Space> fold;          ///< of the dictionary, or empty
  ConstMatrix<bool, Space> keys;  ///< see StackState

  AttentionMask<Space> mask() const { return {config.mask, keys}; }
  MssaOptions mssa() const { return config.mssa(); }
  IstaOptions ista() const { return {config.eta, config.lambda}; }
  LayerNormOptions norm() const { return {config.norm_eps}; }
  Matrix<T, Space> output(bool gradient) const {
    if (!config.has_output_map()) return Matrix<T, Space>(nullptr, 0, 0);
    return gradient ? list.gradient_matrix(at.output_weight) : list.value_matrix(at.output_weight);
  }
  Vector<T, Space> output_bias(bool gradient) const {
    if (!config.has_output_map() || !config.output_bias) return Vector<T, Space>(nullptr, 0);
    return gradient ? list.gradient(at.output_bias) : list.value(at.output_bias);
  }

  void norm_mssa(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                 Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(z), list.value(at.norm_mssa_weight), list.value(at.norm_mssa_bias), norm(), as_rows(out),
               s.mean_mssa, s.deviation_mssa);
  }
  void norm_ista(Space const& space, BlockSaved<Space, T> const& s, Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(s.residual), list.value(at.norm_ista_weight), list.value(at.norm_ista_bias), norm(),
               as_rows(out), s.mean_ista, s.deviation_ista);
  }

  void make_fold(Space const& space) const {
    if (fold.size() > 0) fold_dictionary(space, list.value_matrix(at.dictionary), ista(), fold, config.products);
  }
  void backward_ista(Space const& space, Tensor3<T, Space> const& normed, Tensor3<T, Space> const& out,
                     Tensor3<T, Space> const& dout, Workspace<Space> work, Tensor3<T, Space> const& dnormed) const {
    auto const dict = list.value_matrix(at.dictionary), ddict = list.gradient_matrix(at.dictionary);
    if (fold.size() > 0) {
      folded_ista_backward(space, as_rows(normed), dict, fold, as_rows(out), as_rows(dout), ista(), work,
                           as_rows(dnormed), ddict, config.products);
    } else {
      ista_backward(space, as_rows(normed), dict, as_rows(out), as_rows(dout), ista(), work, as_rows(dnormed), ddict);
    }
  }

  /// Dictionary or decoder as [dim, codes].
  Strided<T, Space> atoms(Matrix<T, Space> const& stored) const {
    auto const strided = as_strided<Space>(stored);
    return config.coding.transposed ? transposed(strided) : strided;
  }
  void code_overcomplete(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                         Workspace<Space> work) const {
    overcomplete_ista(space, as_rows(normed), atoms(list.value_matrix(at.dictionary)), ista(), s.coder, config.products,
                      work);
  }
  /// The same, and back to tokens.
  void code_and_decode(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                       Workspace<Space> work, Tensor3<T, Space> const& out) const {
    code_overcomplete(space, normed, s, work);
    ConstMatrix<T, Space> const addend = config.coding.residual ? as_rows(s.residual) : Matrix<T, Space>();
    decode(space, s.coder.code, atoms(list.value_matrix(at.decoder)), addend, as_rows(out), config.products, work);
  }
  void backward_overcomplete(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                             Tensor3<T, Space> const& dout, Workspace<Space> work,
                             Tensor3<T, Space> const& dnormed) const {
    overcomplete_ista_backward(space, as_rows(normed), atoms(list.value_matrix(at.dictionary)),
                               atoms(list.value_matrix(at.decoder)), s.coder, as_rows(dout), ista(), config.products,
                               work, as_rows(dnormed), atoms(list.gradient_matrix(at.dictionary)),
                               atoms(list.gradient_matrix(at.decoder)));
  }
  /// Of the block that left `s` and `out`.
  ConstTensor3<T, Space> code_of(BlockSaved<Space, T> const& s, Tensor3<T, Space> const& out) const {
    if (!config.coding.overcomplete()) return out;
    return ConstTensor3<T, Space>(s.coder.code.data(), out.extent(0), out.extent(1), config.codes());
  }

  /// s.residual = z + MSSA(norm(z))
  void attend(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s, Workspace<Space> work,
              Tensor3<T, Space> const& normed) const {
    norm_mssa(space, z, s, normed);
    krate::mssa(space, normed, list.value_matrix(at.projection), output(false), output_bias(false), mssa(), work,
                s.mssa, s.residual, mask(), z);
  }

  /// The same for the newest token of each sample; [batch, 1, dim] all of them.
  void attend_newest(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                     Tensor3<T, Space> const& projected, std::size_t position, Workspace<Space> work,
                     Tensor3<T, Space> const& normed) const {
    norm_mssa(space, z, s, normed);
    Matrix<T, Space> const newest(&projected(position, 0, 0), projected.extent(1), projected.extent(2));
    multiply(space, config.products, "N", "T", as_rows(normed), list.value_matrix(at.projection), {}, newest, work);
    attend_newest_token(space, projected, position, config.heads, work, as_rows(s.mssa.attended));
    if (config.has_output_map()) {
      return multiply(space, config.products, "N", "T", as_rows(s.mssa.attended), output(false),
                      {.bias = output_bias(false), .addend = as_rows(z)}, as_rows(s.residual), work);
    }
    copy(space, s.mssa.attended, s.residual);
    add(space, z, s.residual);
  }

  /// out = ISTA(norm(s.residual)), or what SparseCoding says
  void code(Space const& space, BlockSaved<Space, T> const& s, Workspace<Space> work, Tensor3<T, Space> const& normed,
            Tensor3<T, Space> const& out) const {
    norm_ista(space, s, normed);
    if (config.coding.overcomplete()) return code_and_decode(space, normed, s, work, out);
    if (fold.size() > 0) return folded_ista(space, as_rows(normed), fold, ista(), as_rows(out), config.products, work);
    krate::ista(space, as_rows(normed), list.value_matrix(at.dictionary), ista(), work, as_rows(out));
  }

  void forward(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s, Workspace<Space> work,
               Tensor3<T, Space> const& out) const {
    auto const normed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    attend(space, z, s, work, normed);
    code(space, s, work, normed, out);
  }

  void backward(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                Tensor3<T, Space> const& out, Tensor3<T, Space> const& dout, bool recompute, Workspace<Space> work,
                Tensor3<T, Space> const& dz) const {
    auto const normed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    if (recompute) attend(space, z, s, work, normed);
    auto const dnormed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    norm_ista(space, s, normed);
    bool const overcomplete = config.coding.overcomplete(), residual = overcomplete && config.coding.residual;
    if (recompute && overcomplete) code_overcomplete(space, normed, s, work);
    if (overcomplete) {
      backward_overcomplete(space, normed, s, dout, work, dnormed);
    } else {
      backward_ista(space, normed, out, dout, work, dnormed);
    }
    if (residual) copy(space, dout, dz);
    layer_norm_backward(space, as_rows(s.residual), list.value(at.norm_ista_weight), s.mean_ista, s.deviation_ista,
                        as_rows(dnormed), residual ? InputGradient::add : InputGradient::write, work, as_rows(dz),
                        list.gradient(at.norm_ista_weight), list.gradient(at.norm_ista_bias));
    norm_mssa(space, z, s, normed);
    mssa_backward(space, normed, list.value_matrix(at.projection), output(false), mssa(), s.mssa, dz, work, dnormed,
                  list.gradient_matrix(at.projection), output(true), output_bias(true), mask());
    layer_norm_backward(space, as_rows(z), list.value(at.norm_mssa_weight), s.mean_mssa, s.deviation_mssa,
                        as_rows(dnormed), InputGradient::add, work, as_rows(dz), list.gradient(at.norm_mssa_weight),
                        list.gradient(at.norm_mssa_bias));
  }
};

template <class Space, class T>
BlockStack<Space, T>::BlockStack(ParameterTable& table, BlockConfig const& config, std::size_t depth,
                                 BlockNames const& official)
    : config_(config) {
  for (std::size_t i = 0; i < depth; ++i) blocks_.push_back(BlockParameters::list(table, config, official, i));
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
      one + std::max({mssa_workspace<Space, T>(batch, tokens, config_.inner(), config_.dim, config_.mssa()),
                      sparse_workspace<Space, T>(config_, rows)});
  if (pass == Pass::inference) return forward;
  std::size_t const backward =
      2 * one +
      std::max({mssa_backward_workspace<Space, T>(batch, tokens, config_.inner(), config_.dim, config_.mssa()),
                sparse_backward_workspace<Space, T>(config_, rows), layer_norm_backward_workspace<T>(config_.dim)});
  return std::max(forward, backward);
}

template <class Space, class T>
void TokenCache<Space, T>::cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
                               std::size_t context) {
  projected.resize(depth);
  for (auto& p : projected) p = work.template take<T>(context, batch, config.inner());
}

template <class Space, class T>
std::size_t BlockStack<Space, T>::step_workspace(std::size_t batch, std::size_t context) const {
  std::size_t const inner = config_.inner(), d = config_.dim;
  return workspace(batch, 1, Pass::inference) +
         std::max({newest_token_workspace<Space, T>(batch, context, config_.heads),
                   products_workspace<T>(config_.products, batch, inner, d),
                   products_workspace<T>(config_.products, batch, d, inner)});
}

template <class Space, class T>
void BlockStack<Space, T>::step(Space const& space, ParameterList<Space, T> const& parameters,
                                StackState<Space, T>& state, TokenCache<Space, T> const& cache, std::size_t position,
                                Workspace<Space> work) const {
  auto const& shape = state.tokens.front();
  auto const normed = work.template take<T>(shape.extent(0), shape.extent(1), config_.dim);
  for (std::size_t i = 0; i < depth(); ++i) {
    BlockLayers<Space, T> const block{parameters, blocks_[i], config_, fold_of(state, i), {}};
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
    BlockLayers<Space, T>{parameters, blocks_[i], config_, state.folds[i], {}}.make_fold(space);
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
    BlockLayers<Space, T> const block{parameters, blocks_[i], config_, fold_of(state, i), state.keys};
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
    BlockLayers<Space, T>{parameters, blocks_[i], config_, fold_of(state, i), state.keys}.backward(
        space, state.tokens[i], state.saved[i], state.tokens[i + 1], dout, anew, work, dz);
    if (ready) ready(range_of(parameters, blocks_[i].first, blocks_[i].last));
  }
}

}  // namespace krate::models
