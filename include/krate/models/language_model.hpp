// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "krate/core/function_ref.hpp"
#include "krate/core/parameters.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/models/block.hpp"

namespace krate::models {

/// The norm behind the blocks of a language model, where it has one.
struct FinalNorm {
  std::size_t weight = 0, bias = 0;
  bool present = false, biased = true;
  double norm_eps = 1e-5;

  static FinalNorm list(ParameterTable& table, std::size_t dim, double norm_eps, bool biased = true);
};

/// The tables of tokens and positions, which come first in the list.
struct TokenTables {
  std::size_t vocabulary = 0, context = 0;
  std::size_t tokens = 0, positions = 0;  ///< where they are in the list

  static TokenTables list(ParameterTable& table, std::size_t vocabulary, std::size_t context, std::size_t dim);
};

/// What a language model is wired from; a model lists its own. Stack is BlockStack<Space, T> or one like it.
template <class Stack>
struct LanguageLayers {
  TokenTables tables{};
  Stack blocks{};
  FinalNorm norm{};
};

/// What a forward pass computes, cut from a workspace; the backward pass reads it again.
template <class Stack>
struct LanguageState {
  using Space = typename Stack::ExecutionSpace;
  using T = typename Stack::Scalar;
  Matrix<Label, Space> ids, positions;  ///< [batch, tokens]
  typename Stack::State stack;
  Matrix<T, Space> head_input;  ///< [batch * tokens, dim]: the tokens of the last block, normed where there is a norm
  Vector<T, Space> mean, deviation;
  Vector<T, Space> no_bias, no_bias_gradient;  ///< [dim] for a norm without bias: zeros; not read
  Matrix<T, Space> logits;                     ///< [batch * tokens, vocabulary]
};

/// A language model: embeddings of tokens and positions; blocks in which a token sees those before it; a norm, or none;
/// and the token table once more as the head, z E^T. What CausalCrate, Gpt2 and TostCausal have in common. Copies share
/// the parameters.
template <class Stack>
class LanguageModel {
 public:
  using ExecutionSpace = typename Stack::ExecutionSpace;
  using Scalar = typename Stack::Scalar;
  using State = LanguageState<Stack>;
  using Cache = typename Stack::Cache;

 private:
  using Space = ExecutionSpace;
  using T = Scalar;

 public:
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official_names() const { return table_.official(); }
  Stack const& blocks() const { return at_.blocks; }

  /// Bytes that prepare() takes.
  std::size_t prepared_bytes() const { return at_.blocks.prepared_bytes(); }
  /// Cuts from `work`, and computes, what inference needs of the parameters, for all passes until parameters change.
  /// Comes before cut(). @note allocates: at the first call; fences: no; bitwise repeatable: yes
  void prepare(Space const& space, Workspace<Space>& work, State& state) const {
    at_.blocks.prepare(space, parameters_, work, state.stack);
  }

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, std::size_t tokens, Pass pass) const;
  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward(). Allocates at the first call
  /// only.
  void cut(Workspace<Space>& work, std::size_t batch, std::size_t tokens, Pass pass, State& state) const;

  /// @param ids    [batch, tokens], LayoutRight, in [0, vocabulary); tokens at most the context
  /// @param state  as cut() made it; state.logits is the result
  /// @param tap    called after each block
  /// @throws ShapeError if the tokens do not fit the state; ValueError if there are more than the context
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters; that of the token table is the sum of both its uses.
  /// @param dlogits  [batch * tokens, vocabulary]; may be state.logits
  /// @param state    as forward() left it, cut for training
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @param tap      may add to the gradient of each block's output
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, GradientTap<Space, T> tap = {}) const;

  /// Cuts what step() keeps of the tokens so far. @note allocates: at the first call
  void cut(Workspace<Space>& work, std::size_t batch, Cache& cache) const {
    cache.cut(work, at_.blocks.config(), at_.blocks.depth(), batch, at_.tables.context);
  }
  /// Bytes that step() takes from its workspace.
  std::size_t step_workspace(std::size_t batch) const { return at_.blocks.step_workspace(batch, at_.tables.context); }
  /// forward() of one more token a sample, behind those in the cache; state.logits [batch, vocabulary] is the result.
  /// @param ids       [batch, 1]     @param position  of the token, counted from 0
  /// @param state     cut for inference of one token
  /// @throws ShapeError, ValueError as forward()
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position, State& state,
            Cache const& cache, Workspace<Space> work) const;

 protected:
  /// @param where  of errors and profiling labels: "krate::models::Gpt2"     @param list  lists the layers
  /// @note allocates: parameters and gradients; fences: no
  LanguageModel(Space const& space, std::string const& where, Seed seed,
                FunctionRef<LanguageLayers<Stack>(ParameterTable&)> list);

 private:
  std::size_t dim() const { return at_.blocks.config().dim; }
  void embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first, State& state) const;
  void head(Space const& space, State& state) const;
  void backward_head(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                     Workspace<Space> work) const;

  std::string where_, forward_, backward_, step_;  ///< labels
  ParameterTable table_;
  LanguageLayers<Stack> at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
