// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/dist/gradient_reducer.hpp"
#include "krate/models/crate.hpp"
#include "krate/optim/optimizer.hpp"
#include "krate/train/batch_source.hpp"
#include "krate/train/inference.hpp"

namespace krate::train {

struct TrainStepOptions {
  std::size_t local_batch = 64;  ///< most samples of this rank in a step, or in a batch of an evaluation
  double clip = 1;               ///< largest gradient norm; 0: off
  int shift = 0;                 ///< images move by up to so many pixels
  bool flip = false;             ///< half of the images are mirrored, left and right
  bool crop = false;             ///< a part of an image, of 8 % to 100 % of its area, is seen at the size of the whole
  Seed seed = {};                ///< of the augmentation, and of what a source draws anew in each step
  bool recompute = false;        ///< less memory for more time: models::Pass::recompute
  double layer_decay = 1;        ///< see optim::layer_rates
  /// How much the sparse rate reduction of the tokens that leave each block counts: the loss falls by so much times its
  /// mean over blocks and samples. Of tokens at unit length, eps^2 = 0.01, with |Z|_1. For classifiers of the CRATE
  /// family with cross-entropy, and CausalCrate.
  double srr_weight = 0;
};

/// What a step found, over the global batch and before the update.
struct StepResult {
  double loss = 0;           ///< the objective: cross-entropy with label smoothing, mcr2_loss(), masked_pixel_loss()
  std::int64_t counted = 0;  ///< labels that are not left out: one a sample, or one a token
  std::optional<std::int64_t> correct{};  ///< labels with the largest logit; none without a head to train
  double gradient_norm = 0;               ///< before clipping
  double seconds_waiting = 0;             ///< until the source had given the batch
};

/// One optimizer step of an image classifier, or, where the model's configuration names MCR2, of its features, or of a
/// language model; data parallel over the ranks: batch, forward, backward, reduction, clipping, update. All its memory
/// is one arena that is made in the constructor; a step allocates nothing.
template <class Model>
class TrainStep {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;

  /// @throws ValueError for options that cannot work     @note allocates: arena and optimizer state
  TrainStep(Space const& space, comm::Communicator const& comm, Model model, optim::Rule const& rule,
            TrainStepOptions const& options);

  /// Collective. @param mine   this rank's samples of the global batch, positions in the train part; may be none
  /// @param global  size of the global batch, positive     @param step   counted from 0
  /// @throws NumericalError if loss or gradient norm is no number: the parameters are then left as they were
  /// @note allocates: no (with one rank, on hosts); fences: yes; bitwise repeatable: yes
  /// @param next    this rank's samples of the step after, which the source may begin to load; may be none
  /// @param epoch   in which each sample comes once: what is drawn for a sample hangs on (seed, epoch, its number), and
  ///                not on the size of batches. Without one, each step counts as its own
  StepResult run(Space const& space, SourceOf<Model>& source, std::span<std::size_t const> mine, std::size_t global,
                 std::int64_t step, double learning_rate, std::span<std::size_t const> next = {},
                 std::optional<std::int64_t> epoch = {});

  /// Collective: as Inference::evaluate, with the arena of the steps. @note allocates: no; fences: yes
  Evaluation evaluate(Space const& space, SourceOf<Model>& source, Part part);

  optim::OptimizerState<Space, T> const& optimizer() const { return optimizer_; }
  optim::Rule const& rule() const { return rule_; }
  Model const& model() const { return model_; }
  /// Bytes of arena, parameters, gradients and optimizer state.
  std::size_t bytes() const;

 private:
  comm::Communicator comm_;
  Model model_;
  optim::Rule rule_;
  TrainStepOptions options_;
  optim::OptimizerState<Space, T> optimizer_;
  std::vector<double> rates_;  ///< of layers; empty: all the same
  bool gradients_are_zero_ = false;
  dist::GradientReducer<Space, T> reducer_;
  Arena<Space> arena_;
  Inference<Model> inference_;
  typename Model::State state_;
};

}  // namespace krate::train
