// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/causal_crate_config.hpp"

namespace krate::models {

/// What a forward pass of CausalCrate computes, cut from a workspace; CausalCrate::backward reads it again.
template <class Space, class T>
struct CausalCrateState {
  Matrix<Label, Space> ids, positions;  ///< [batch, tokens]
  StackState<Space, T> stack;
  Matrix<T, Space> head_input;  ///< [batch * tokens, dim]: the tokens of the last block, normed where overcomplete
  Vector<T, Space> mean, deviation;
  Matrix<T, Space> logits;  ///< [batch * tokens, vocabulary]
};

/// Causal CRATE, a language model: embeddings of tokens and positions; `depth` blocks whose attention sees a token and
/// those before it; and the token table once more as the head, z E^T, without norm or bias (overcomplete: with norm).
/// Source: Yu et al. 2023 (CRATE), in the form of CRATE-GPT2, as the authors' code has it. Copies share the parameters.
template <class Space, class T>
class CausalCrate {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = CausalCrateConfig;
  using State = CausalCrateState<Space, T>;
  using Cache = TokenCache<Space, T>;
  static constexpr char const* name = "causal_crate";

  /// Parameters start as in the authors' code, from the seed alone: embeddings and linear maps normal with deviation
  /// 0.02, output maps with 0.02 / (2 depth)^1/2, their biases 0, dictionaries uniform in +-(6 / dim)^1/2, norms 1 and
  /// 0. Weights decay, biases and norms do not.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  CausalCrate(Space const& space, CausalCrateConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CausalCrateConfig const& config);

  CausalCrateConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official_names() const { return table_.official(); }
  BlockStack<Space, T> const& blocks() const { return blocks_; }

  /// Bytes that prepare() takes.
  std::size_t prepared_bytes() const { return blocks_.prepared_bytes(); }
  /// Cuts from `work`, and computes, what inference needs of the parameters, for all passes until parameters change.
  /// Comes before cut(). @note allocates: at the first call; fences: no; bitwise repeatable: yes
  void prepare(Space const& space, Workspace<Space>& work, State& state) const {
    blocks_.prepare(space, parameters_, work, state.stack);
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
  void cut(Workspace<Space>& work, std::size_t batch, TokenCache<Space, T>& cache) const;
  /// Bytes that step() takes from its workspace.
  std::size_t step_workspace(std::size_t batch) const { return blocks_.step_workspace(batch, config_.context); }
  /// forward() of one more token a sample, behind those in the cache; state.logits [batch, vocabulary] is the result.
  /// @param ids       [batch, 1]     @param position  of the token, counted from 0
  /// @param state     cut for inference of one token
  /// @throws ShapeError, ValueError as forward()
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void step(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t position, State& state,
            TokenCache<Space, T> const& cache, Workspace<Space> work) const;

 private:
  struct Parameters {
    std::size_t tokens, positions, norm_weight, norm_bias;
  };
  static Parameters list_embedding(ParameterTable& table, CausalCrateConfig const& config);
  static BlockStack<Space, T> list_blocks(ParameterTable& table, CausalCrateConfig const& config);
  static void list_norm(ParameterTable& table, CausalCrateConfig const& config, Parameters& at);
  void embed(Space const& space, ConstMatrix<Label, Space> const& ids, std::size_t first, State& state) const;
  void head(Space const& space, State& state) const;

  CausalCrateConfig config_;
  ParameterTable table_;
  Parameters at_;
  BlockStack<Space, T> blocks_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
