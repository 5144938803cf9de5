// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/attention/mhsa.hpp"
#include "krate/attention/mssa.hpp"
#include "krate/core/function_ref.hpp"
#include "krate/core/parameters.hpp"
#include "krate/models/block_kinds.hpp"
#include "krate/models/block_names.hpp"
#include "krate/models/feed_forward.hpp"
#include "krate/models/parameter_table.hpp"
#include "krate/models/pass.hpp"
#include "krate/models/sparse_coding.hpp"
#include "krate/sparse/folded_ista.hpp"
#include "krate/sparse/overcomplete_ista.hpp"

namespace krate::models {

/// What all blocks of a CRATE, or of a transformer that it is compared with, have in common.
struct BlockConfig {
  std::size_t dim = 0, heads = 1, head_dim = 0;
  double eta = 0.1, lambda = 0.1, norm_eps = 1e-5;
  Products products = Products::full;
  bool output_bias = true;  ///< of the output map
  SparseCoding coding = {};
  Mask mask = Mask::none;
  bool may_lack_output_map = true;  ///< see has_output_map()
  AttentionKind attention = AttentionKind::mssa;
  FeedForwardKind feed_forward = FeedForwardKind::ista;
  bool projection_bias = false;  ///< of queries, keys and values, of MHSA
  std::size_t hidden = 0;        ///< of the MLP
  /// Of the weights at the start, of MHSA and MLP, which are normal then and their biases 0; 0: all uniform in
  /// +-fan_in^-1/2. The second: of maps back to the tokens.
  double deviation = 0, output_deviation = 0;

  std::size_t inner() const { return heads * head_dim; }
  std::size_t codes() const { return coding.expansion * dim; }
  bool has_mhsa() const { return attention == AttentionKind::mhsa; }
  bool has_mlp() const { return feed_forward == FeedForwardKind::mlp; }
  /// Square dictionaries fold; see fold_dictionary().
  bool folds() const { return !has_mlp() && !coding.overcomplete(); }
  MssaOptions mssa() const { return {heads, products}; }
  MhsaOptions mhsa() const { return {heads, products}; }
  /// The authors' classifiers leave the output map out for one head as wide as the model; their text models do not.
  bool has_output_map() const { return !(may_lack_output_map && heads == 1 && head_dim == dim); }
};

/// Where a block's parameters stand in the list.
struct BlockParameters {
  std::size_t norm_mssa_weight, norm_mssa_bias, projection, output_weight, output_bias;
  std::size_t norm_ista_weight, norm_ista_bias, dictionary, decoder;
  std::size_t projection_bias;
  std::size_t first, last;  ///< the block's entries are [first, last)

  /// Lists block `index`, without its MLP.
  static BlockParameters list(ParameterTable& table, BlockConfig const& config, BlockNames const& official,
                              std::size_t index);
};

/// What one block's forward pass leaves for its backward pass, besides its input and output tokens.
template <class Space, class T>
struct BlockSaved {
  Vector<T, Space> mean_mssa, deviation_mssa, mean_ista, deviation_ista;  ///< [batch * tokens]
  MssaSaved<Space, T> mssa;                                               ///< or else
  MhsaSaved<Space, T> mhsa;                                               ///< the other is empty
  Tensor3<T, Space> residual;                                             ///< [batch, tokens, dim]: z + MSSA(norm(z))
  OvercompleteIstaSaved<Space, T> coder;                                  ///< of overcomplete coding
  Matrix<T, Space> hidden;  ///< of the MLP: [batch * tokens, hidden], before the GELU
};

/// All tokens of a stack of blocks. In inference the blocks share two buffers and one BlockSaved; with
/// Pass::recompute they share the latter. The dictionaries' folds are made by each forward pass for its backward pass;
/// in inference by BlockStack::prepare(), once for all passes with the same parameters, or else by each block on its
/// own.
template <class Space, class T>
struct StackState {
  std::vector<Tensor3<T, Space>> tokens;    ///< [depth + 1]: the input, then each block's output
  std::vector<BlockSaved<Space, T>> saved;  ///< [depth]
  Tensor3<T, Space> gradient[2];            ///< two buffers that the backward pass of blocks uses in turn
  std::vector<Matrix<T, Space>> folds;      ///< [depth], or empty
  ConstMatrix<bool, Space> keys;            ///< of AttentionMask: the model sets it where samples have padding
  bool prepared = false;                    ///< the folds are those of the parameters already
  bool recompute = false;                   ///< Pass::recompute

  /// Where the backward pass finds the gradient of the last tokens, and where it leaves that of the first.
  Tensor3<T, Space> const& output_gradient() const { return gradient[saved.size() % 2]; }
  Tensor3<T, Space> const& input_gradient() const { return gradient[0]; }
  /// Takes all of it from `work`, or measures it. @note allocates: the lists, at the first call
  void cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
           std::size_t tokens_each, Pass pass);
  /// Takes the folds of `depth` blocks.
  void cut_folds(Workspace<Space>& work, std::size_t dim, std::size_t depth);
};

/// The projections of all tokens so far, from which the blocks take the next one: half of the keys and values that
/// MHSA must hold.
template <class Space, class T>
struct TokenCache {
  std::vector<Tensor3<T, Space>> projected;  ///< [depth] of [context, batch, heads * head_dim]; of MHSA twice as wide

  /// @note allocates: the list, at the first call
  void cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
           std::size_t context);
};

/// What an observer sees of a block right after its forward pass; the Views are valid during the call only.
template <class Space, class T>
struct BlockView {
  std::size_t index;
  ConstTensor3<T, Space> input;             ///< z
  MssaSaved<Space, T> const& mssa;          ///< W, O and softmax denominators; empty of MHSA
  ConstTensor3<T, Space> residual, tokens;  ///< z + MSSA, and the block's output
  ConstTensor3<T, Space> code;              ///< the sparse code: of complete coding the output itself
};
template <class Space, class T>
using Tap = FunctionRef<void(BlockView<Space, T> const&)>;

/// Called with a block's index and the gradient of its output tokens before the block's backward pass; may add to it.
template <class Space, class T>
using GradientTap = FunctionRef<void(std::size_t, Tensor3<T, Space> const&)>;

/// Called when a range of the flat gradient buffer is final; ranges come last layer first.
using Ready = FunctionRef<void(ParameterRange)>;

/// A stack of CRATE blocks: z <- z + MSSA(norm(z)), z <- ISTA(norm(z)). Source: Yu et al. 2023 (CRATE), algorithm 2,
/// with the residual on the un-normalised tokens. Other members of the family code otherwise: see SparseCoding.
/// Transformers to compare with have MHSA, or z <- z + MLP(norm(z)), or both.
template <class Space, class T>
class BlockStack {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using State = StackState<Space, T>;
  using Cache = TokenCache<Space, T>;

  BlockStack() = default;
  /// Lists the parameters of `depth` blocks.
  BlockStack(ParameterTable& table, BlockConfig const& config, std::size_t depth,
             BlockNames const& official = crate_names());

  std::size_t depth() const { return blocks_.size(); }
  BlockConfig const& config() const { return config_; }
  BlockParameters const& block(std::size_t i) const { return blocks_[i]; }

  /// Bytes that prepare() takes.
  std::size_t prepared_bytes() const;
  /// Cuts from `work`, and computes, what inference needs of the parameters; cut() for inference leaves it. Call it
  /// again when parameters have changed. @note allocates: no; fences: no; bitwise repeatable: yes
  void prepare(Space const& space, ParameterList<Space, T> const& parameters, Workspace<Space>& work,
               StackState<Space, T>& state) const;

  /// Bytes that forward() and, for training, backward() take from their workspace.
  std::size_t workspace(std::size_t batch, std::size_t tokens, Pass pass) const;
  /// From state.tokens.front() to state.tokens.back(), [batch, tokens, dim].
  /// @throws ValueError if the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, StackState<Space, T>& state,
               Workspace<Space> work, Tap<Space, T> tap) const;
  /// From the gradient of the output in state.gradient[depth % 2] to that of the input in state.gradient[0]; adds to
  /// the gradients of the parameters. @throws ValueError if the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ParameterList<Space, T> const& parameters, StackState<Space, T>& state,
                Workspace<Space> work, GradientTap<Space, T> tap, Ready ready) const;

  /// Bytes that step() takes from its workspace.
  std::size_t step_workspace(std::size_t batch, std::size_t context) const;
  /// forward() of one more token a sample, behind those in the cache: state.tokens.front() [batch, 1, dim] is the
  /// token at `position`, counted from 0. For causal attention.
  /// @param state  cut for inference of one token
  /// @throws ValueError if the cache or the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void step(Space const& space, ParameterList<Space, T> const& parameters, StackState<Space, T>& state,
            TokenCache<Space, T> const& cache, std::size_t position, Workspace<Space> work) const;

 private:
  FeedForward<Space, T> const* mlp(std::size_t block) const { return mlps_.empty() ? nullptr : &mlps_[block]; }

  BlockConfig config_;
  std::vector<BlockParameters> blocks_;
  std::vector<FeedForward<Space, T>> mlps_;  ///< [depth], or empty
};

/// The flat range of list entries [first, last).
template <class Space, class T>
ParameterRange range_of(ParameterList<Space, T> const& list, std::size_t first, std::size_t last) {
  auto const entries = list.entries();
  return {entries[first].offset, last < entries.size() ? entries[last].offset : list.length()};
}

}  // namespace krate::models
