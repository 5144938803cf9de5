// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/attention/newest_statistics.hpp"
#include "krate/attention/tssa.hpp"
#include "krate/models/block.hpp"
#include "krate/models/feed_forward.hpp"
#include "krate/nn/layer_norm.hpp"

namespace krate::models {

/// What a family's files call the parameters of ToST's blocks: `blocks`, the number, then these.
struct TostBlockNames {
  std::string blocks, norm_attention, projection, temperature, position_bias, output, norm_mlp, mlp_first, mlp_second;
};

/// What all blocks of a ToST have in common.
struct TostBlockConfig {
  std::size_t dim = 0, heads = 1, head_dim = 0, hidden = 0;
  double norm_eps = 1e-6;
  std::size_t context = 0;         ///< causal, with a position bias for so many tokens; 0: each token sees all
  bool bias = true;                ///< of linear maps and norms
  double scale = 1;                ///< of both branches at the start
  double output_deviation = 0.02;  ///< at the start, of the maps back to the tokens; that of the others is 0.02

  std::size_t inner() const { return heads * head_dim; }
  TssaOptions tssa() const { return {heads, context > 0 ? Mask::causal : Mask::none}; }
};

/// What one block's forward pass leaves for its backward pass, besides its input and output tokens.
template <class Space, class T>
struct TostBlockSaved {
  Vector<T, Space> mean_attention, deviation_attention, mean_mlp, deviation_mlp;  ///< [batch * tokens]
  TssaSaved<Space, T> tssa;
  Tensor3<T, Space> attended, residual;  ///< [batch, tokens, dim]: TSSA(norm(z)), and z + scale * that
  Matrix<T, Space> hidden, fed;          ///< [batch * tokens, hidden], before the GELU; [batch * tokens, dim]
};

/// All tokens of a stack of blocks. In inference the blocks share two buffers and one TostBlockSaved; with
/// Pass::recompute they share the latter, and the backward pass does each block's forward pass anew.
template <class Space, class T>
struct TostStackState {
  std::vector<Tensor3<T, Space>> tokens;        ///< [depth + 1]: the input, then each block's output
  std::vector<TostBlockSaved<Space, T>> saved;  ///< [depth]
  Tensor3<T, Space> gradient;                   ///< of the tokens at which the backward pass is
  Vector<T, Space> no_bias, no_bias_gradient;   ///< [dim] for the norms of models without biases: zeros; not read
  bool recompute = false;                       ///< Pass::recompute

  Tensor3<T, Space> const& output_gradient() const { return gradient; }
  Tensor3<T, Space> const& input_gradient() const { return gradient; }

  /// Takes all of it from `work`, or measures it. @note allocates: the lists, at the first call
  void cut(Workspace<Space>& work, TostBlockConfig const& config, std::size_t depth, std::size_t batch,
           std::size_t tokens_each, Pass pass);
};

/// What the blocks keep of all tokens so far, from which they take the next one.
template <class Space, class T>
struct TostCache {
  std::vector<StatisticsSoFar<Space, T>> sums;  ///< [depth]

  /// As TokenCache::cut(), of the same size for any context. @note allocates: the list, at the first call
  void cut(Workspace<Space>& work, TostBlockConfig const& config, std::size_t depth, std::size_t batch, std::size_t) {
    sums.resize(depth);
    for (auto& s : sums) s = StatisticsSoFar<Space, T>::cut(work, batch, config.heads, config.inner());
  }
};

/// A layer norm's parameters in a list; without bias where the model has none.
template <class Space, class T>
struct TostNorm {
  std::size_t weight = 0, bias = 0;
  bool has_bias = true;
  double norm_eps = 1e-6;

  TostNorm() = default;
  TostNorm(ParameterTable& table, std::string const& name, std::string const& official, TostBlockConfig const& config);
  void forward(Space const& space, ParameterList<Space, T> const& parameters, TostStackState<Space, T> const& state,
               ConstMatrix<T, Space> const& x, Matrix<T, Space> const& y, Vector<T, Space> const& mean,
               Vector<T, Space> const& deviation) const;
  void backward(Space const& space, ParameterList<Space, T> const& parameters, TostStackState<Space, T> const& state,
                ConstMatrix<T, Space> const& x, Vector<T, Space> const& mean, Vector<T, Space> const& deviation,
                ConstMatrix<T, Space> const& dy, InputGradient how, Workspace<Space> work,
                Matrix<T, Space> const& dx) const;
};

/// A stack of ToST's blocks: z <- z + scale_1 * TSSA(norm(z)), z <- z + scale_2 * MLP(norm(z)). Source: Wu et al. 2025
/// (ToST, arXiv 2412.17810); details as the authors' code has them.
template <class Space, class T>
class TostStack {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  using State = TostStackState<Space, T>;
  using Cache = TostCache<Space, T>;

  TostStack() = default;
  /// Lists the parameters of `depth` blocks.
  TostStack(ParameterTable& table, TostBlockConfig const& config, std::size_t depth, TostBlockNames const& official);

  std::size_t depth() const { return blocks_.size(); }
  TostBlockConfig const& config() const { return config_; }
  /// The authors' code does not decay these, whatever their shape.
  std::vector<std::size_t> position_biases() const;
  /// Writes what ParameterTable cannot say: the scales' start.
  void initialize_scales(Space const& space, ParameterList<Space, T> const& parameters) const;

  /// Nothing: no layer has work that depends on the parameters only.
  std::size_t prepared_bytes() const { return 0; }
  void prepare(Space const&, ParameterList<Space, T> const&, Workspace<Space>&, State&) const {}

  /// Bytes that forward() and, for training, backward() take from their workspace.
  std::size_t workspace(std::size_t batch, std::size_t tokens, Pass pass) const;
  /// From state.tokens.front() to state.tokens.back(), [batch, tokens, dim].
  /// @param tap  sees the projection of TSSA as that of MSSA, and the output as its code
  /// @throws ValueError if the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, State& state, Workspace<Space> work,
               Tap<Space, T> tap) const;
  /// Bytes that step() takes from its workspace, for any context.
  std::size_t step_workspace(std::size_t batch, std::size_t context) const;
  /// forward() of one more token a sample, behind those in the cache; see BlockStack::step(). For causal statistics.
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void step(Space const& space, ParameterList<Space, T> const& parameters, State& state,
            TostCache<Space, T> const& cache, std::size_t position, Workspace<Space> work) const;
  /// From the gradient of the output in state.gradient to that of the input, in the same place; adds to the gradients
  /// of the parameters. @throws ValueError if the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State& state, Workspace<Space> work,
                GradientTap<Space, T> tap, Ready ready) const;

 private:
  struct Block {
    TostNorm<Space, T> norm_attention, norm_mlp;
    std::size_t temperature, position_bias, projection, projection_bias, output, output_bias, scale_attention;
    FeedForward<Space, T> mlp;
    std::size_t scale_mlp, first, last;
  };
  Block list(ParameterTable& table, TostBlockNames const& official, std::size_t index) const;
  TssaParameters<Space, T> tssa_parameters(ParameterList<Space, T> const& list, Block const& at, bool gradient) const;
  void forward(Space const& space, ParameterList<Space, T> const& parameters, State const& state, std::size_t block,
               Workspace<Space> work) const;
  /// From what attention made to the block's output.
  void feed(Space const& space, ParameterList<Space, T> const& parameters, State const& state, std::size_t block,
            Workspace<Space> work, Tensor3<T, Space> const& normed) const;
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State const& state, std::size_t block,
                Workspace<Space> work) const;

  TostBlockConfig config_;
  std::vector<Block> blocks_;
};

}  // namespace krate::models
