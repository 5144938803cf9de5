// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/head.hpp"
#include "krate/models/image_embedding.hpp"

namespace krate::models {

/// What most image classifiers are wired from; a model lists its own. Others have layers of the same members.
template <class Space, class T>
struct ClassifierLayers {
  using ExecutionSpace = Space;
  using Scalar = T;
  ImageEmbedding<Space, T> embedding;
  BlockStack<Space, T> blocks;
  ClassifierHead<Space, T> head;
};

/// What a forward pass computes, cut from a workspace; the backward pass reads it again.
template <class Layers>
struct ClassifierState : decltype(Layers::head)::State {
  typename decltype(Layers::embedding)::State embedding;
  typename decltype(Layers::blocks)::State stack;
};

/// An image classifier: embedding, blocks, head. What Crate, CrateAlpha, Vit and Tost have in common. Copies share the
/// parameters.
template <class Layers>
class BlockClassifier {
 public:
  using ExecutionSpace = typename Layers::ExecutionSpace;
  using Scalar = typename Layers::Scalar;
  using State = ClassifierState<Layers>;

 private:
  using Space = ExecutionSpace;
  using T = Scalar;

 public:
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official_names() const { return table_.official(); }
  auto const& blocks() const { return at_.blocks; }

  /// Bytes that prepare() takes.
  std::size_t prepared_bytes() const { return at_.blocks.prepared_bytes(); }
  /// Cuts from `work`, and computes, what inference needs of the parameters, for all passes until parameters change:
  /// forward() without it does that work each time. Comes before cut().
  /// @note allocates: at the first call; fences: no; bitwise repeatable: yes
  void prepare(Space const& space, Workspace<Space>& work, State& state) const {
    at_.blocks.prepare(space, parameters_, work, state.stack);
  }

  /// Bytes that cut() takes together with what forward() (and, for training, backward()) take from the rest.
  std::size_t plan(std::size_t batch, Pass pass) const;

  /// Cuts the state of a batch from `work`, which then goes on to forward() and backward(). Allocates at the first call
  /// only.
  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;

  /// @param images  [batch, channels, height, width], LayoutRight, normalised; they outlive backward()
  /// @param state   as cut() made it; state.logits and state.head_input are the results
  /// @param tap     called after each block
  /// @throws ShapeError if the images do not fit configuration and state
  /// @note allocates: no; fences: none, but in training those of the embedding; bitwise repeatable: yes
  void forward(Space const& space, ConstTensor4<T, Space> const& images, State& state, Workspace<Space> work,
               Tap<Space, T> tap = {}) const;

  /// Adds to the gradients of all parameters.
  /// @param state    as forward() left it, cut for training
  /// @param dlogits  [batch, classes]
  /// @param dimages  written; extents of 0: not wanted
  /// @param ready    called with each range of the gradient buffer when it is final, last layer first
  /// @param tap      may add to the gradient of each block's output
  /// @note allocates: no; fences: none, but those of the embedding; bitwise repeatable: yes
  void backward(Space const& space, ConstMatrix<T, Space> const& dlogits, State& state, Workspace<Space> work,
                Ready ready = {}, Tensor4<T, Space> const& dimages = {}, GradientTap<Space, T> tap = {}) const;

  /// The same from the gradient of the features instead; the head's linear map has no part in it.
  /// @param dfeatures  [batch, dim], of state.head_input
  void backward_features(Space const& space, ConstMatrix<T, Space> const& dfeatures, State& state,
                         Workspace<Space> work, Ready ready = {}, Tensor4<T, Space> const& dimages = {},
                         GradientTap<Space, T> tap = {}) const;

 protected:
  /// @param where  of errors and profiling labels: "krate::models::Crate"     @param list  lists the layers
  /// @note allocates: parameters and gradients; fences: no
  BlockClassifier(Space const& space, std::string const& where, Seed seed, FunctionRef<Layers(ParameterTable&)> list);
  ParameterTable const& table() const { return table_; }
  Layers& layers() { return at_; }

 private:
  std::size_t dim() const { return at_.blocks.config().dim; }

  std::string forward_, backward_;  ///< labels
  ParameterTable table_;
  Layers at_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
