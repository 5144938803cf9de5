// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/crate_bert_config.hpp"

namespace krate::models {

/// What a forward pass of CrateBert computes, cut from a workspace; CrateBert::backward reads it again.
template <class Space, class T>
struct CrateBertState {
  Matrix<Label, Space> ids, types, positions;  ///< [batch, tokens]
  Matrix<bool, Space> keys;                    ///< [batch, tokens]: false for padding
  Matrix<T, Space> embedded;                   ///< [batch * tokens, dim]: before their norm
  Vector<T, Space> mean_embedded, deviation_embedded;
  StackState<Space, T> stack;
  Matrix<T, Space> dense, activated;  ///< [batch * tokens, dim]: of the head
  Vector<T, Space> mean_head, deviation_head;
  Matrix<T, Space> head_input;  ///< [batch * tokens, dim]: input of the decoder
  Matrix<T, Space> logits;      ///< [batch * tokens, vocabulary]
};

/// CRATE-BERT, which fills in tokens that are masked: embeddings of tokens, positions and token types, norm; `depth`
/// blocks whose attention leaves padding out and whose output maps have no bias; dense map, GELU, norm; and the token
/// table once more as the decoder, with a bias. Source: Yu et al. 2024 (white-box transformers, JMLR), as the authors'
/// code has it but for dropout, which is not done. Copies share the parameters.
template <class Space, class T>
class CrateBert {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = CrateBertConfig;
  using State = CrateBertState<Space, T>;
  static constexpr char const* name = "crate_bert";

  /// Parameters start as in the authors' code, from the seed alone: embeddings and linear maps normal with deviation
  /// 0.02, biases 0, dictionaries uniform in +-(6 / dim)^1/2, norms 1 and 0. Weights decay, biases and norms do not.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  CrateBert(Space const& space, CrateBertConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CrateBertConfig const& config);

  CrateBertConfig const& config() const { return config_; }
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

  /// @param ids    [batch, tokens], LayoutRight, in [0, vocabulary); config.padding where a sample is filled up
  /// @param state  as cut() made it; state.logits is the result
  /// @param tap    called after each block
  /// @throws ShapeError if the tokens do not fit the state; ValueError if there are more than the context
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ConstMatrix<Label, Space> const& ids, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;
  /// The same with token types [batch, tokens], in [0, token_types); above all are 0.
  void forward(Space const& space, ConstMatrix<Label, Space> const& ids, ConstMatrix<Label, Space> const& types,
               State& state, Workspace<Space> work, Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters. The rows of padding learn nothing from being looked up.
  /// @param dlogits  [batch * tokens, vocabulary]; may be state.logits
  /// @param state    as forward() left it, cut for training
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @param tap      may add to the gradient of each block's output
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, GradientTap<Space, T> tap = {}) const;

 private:
  struct Parameters {
    std::size_t tokens, positions, types, norm_embedded_weight, norm_embedded_bias;
    std::size_t dense_weight, dense_bias, norm_head_weight, norm_head_bias, decoder_bias;
  };
  static Parameters list_embedding(ParameterTable& table, CrateBertConfig const& config);
  static BlockStack<Space, T> list_blocks(ParameterTable& table, CrateBertConfig const& config);
  static void list_head(ParameterTable& table, CrateBertConfig const& config, Parameters& at);
  void run(Space const& space, ConstMatrix<Label, Space> const& ids, State& state, Workspace<Space> work,
           Tap<Space, T> tap) const;
  void backward_head(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state,
                     Workspace<Space> work) const;
  void backward_embedding(Space const& space, State& state, Workspace<Space> work) const;

  CrateBertConfig config_;
  ParameterTable table_;
  Parameters at_;
  BlockStack<Space, T> blocks_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
