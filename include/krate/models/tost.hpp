// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <utility>
#include <vector>

#include "krate/models/block_classifier.hpp"
#include "krate/models/class_attention_head.hpp"
#include "krate/models/tost_block.hpp"
#include "krate/models/tost_embedding.hpp"

namespace krate::models {

template <class Space, class T>
struct TostLayers {
  using ExecutionSpace = Space;
  using Scalar = T;
  TostEmbedding<Space, T> embedding;
  TostStack<Space, T> blocks;
  ClassAttentionHead<Space, T> head;
};

template <class Space, class T>
using TostState = ClassifierState<TostLayers<Space, T>>;

/// ToST, an image classifier whose attention is linear in the number of tokens: convolutions and Fourier positions;
/// `depth` blocks of token statistics attention and MLP; a class token and the layers in which it attends to all;
/// norm, linear.
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810), as the authors' code has it. Copies share the parameters.
template <class Space, class T>
class Tost : public BlockClassifier<TostLayers<Space, T>> {
 public:
  using Config = TostConfig;
  static constexpr char const* name = "tost";

  /// Parameters start as in the authors' code, from the seed alone: linear maps and class token normal with deviation
  /// 0.02, biases 0, temperatures and norms 1, branches scaled by TostConfig::scale(), convolutions and the map of the
  /// positions uniform in +-fan_in^-1/2. Matrices decay. What batch norm collects stands in the list too: it has no
  /// gradient and does not decay, so that optimizers leave it alone.
  /// @throws ValueError if the configuration cannot work     @note allocates: parameters and gradients; fences: no
  Tost(Space const& space, TostConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(TostConfig const& config);

  TostConfig const& config() const { return config_; }
  /// Positions in the list of what batch norm collects, means and variances.
  std::vector<std::size_t> const& collected() const { return this->table().collected(); }

  /// Batch norm sees the batches of all ranks together from now on; training passes are collective then.
  void synchronize(comm::Communicator comm) { this->layers().embedding.synchronize(std::move(comm)); }

 private:
  static TostLayers<Space, T> list(ParameterTable& table, TostConfig const& config);

  TostConfig config_;
};

}  // namespace krate::models
