// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "krate/core/logger.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/optim/schedule.hpp"
#include "krate/train/train_step.hpp"

namespace krate::train {

/// One row of metrics.csv as it is written. `accuracy` is NaN where a step has none: see StepResult.
struct Progress {
  std::int64_t step = 0, steps = 0, epoch = 0;
  Part part = Part::train;
  double loss = 0, accuracy = 0, learning_rate = 0, gradient_norm = 0, samples_per_second = 0, seconds = 0;
};

struct TrainerOptions {
  std::int64_t epochs = 50;
  std::int64_t steps = 0;  ///< ends the run after so many optimizer steps; 0: by epochs
  std::size_t batch = 64;  ///< samples in a step, of all ranks together; the last batch of an epoch may be short
  Seed seed = {};          ///< of sample order and augmentation
  optim::Schedule::Kind schedule = optim::Schedule::Kind::warmup_cosine;
  std::int64_t warmup = -1;  ///< steps; -1: 5 % of all
  double clip = 1;
  int shift = 0;                      ///< augmentation: each image moves by up to so many pixels
  bool flip = false, crop = false;    ///< see TrainStepOptions
  bool recompute = false;             ///< see TrainStepOptions
  double layer_decay = 1;             ///< the same
  double srr_weight = 0;              ///< the same
  std::string run{};                  ///< directory for metrics, checkpoints and the model; empty: nothing is written
  std::int64_t checkpoint_every = 0;  ///< steps; 0: after each epoch
  double checkpoint_minutes = 0;      ///< besides, whenever so much time has passed; 0: off
  int keep = 3;                       ///< checkpoints that stay
  bool resume = false;                ///< goes on from the newest good checkpoint of `run`
  Logger logger{};
  std::function<void(Progress const&)> progress{};
  std::function<bool()> stop{};  ///< asked on rank 0 after each step; true ends the run after a checkpoint
};

struct TrainSummary {
  std::int64_t steps = 0;          ///< optimizer steps of the whole run, earlier parts included
  double train_loss = 0;           ///< of the last step
  std::optional<Evaluation> test;  ///< after the last step, where there is a test part
  double seconds = 0;              ///< of this part of the run
  double seconds_waiting = 0;      ///< of these, until the source had given this rank its batches
  std::optional<std::int64_t> resumed_from;
  bool finished = false;  ///< false if `stop` ended it
};

/// Trains an image classifier or a language model: epochs in an order that depends on (seed, epoch) only, one metrics
/// row an optimizer step, evaluation after each epoch, checkpoints, resume with the same bits for the same number of
/// ranks. All members are collective.
template <class Model>
class Trainer {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;

  /// @throws ValueError for options that cannot work     @note allocates: all memory of the run
  Trainer(Space const& space, comm::Communicator const& comm, Model const& model, optim::Rule const& rule,
          TrainerOptions options);

  /// @throws ValueError if the source does not fit the model or is empty; IoError; NumericalError if training diverges
  TrainSummary run(SourceOf<Model>& source);

  TrainStep<Model> const& step() const { return step_; }

 private:
  struct Clock;
  void check(SourceOf<Model> const& source) const;
  void check_images(SourceOf<Model> const& source) const requires(!ReadsTokens<Model>);
  std::int64_t restore();
  void save(std::int64_t step, std::int64_t epoch);
  void prune();

  Space space_;
  comm::Communicator comm_;
  TrainerOptions options_;
  optim::Schedule schedule_;
  TrainStep<Model> step_;
};

template <class Space, class Model>
Trainer(Space const&, comm::Communicator const&, Model const&, optim::Rule const&, TrainerOptions) -> Trainer<Model>;

/// The order in which an epoch visits `count` samples: a pure function of (seed, epoch).
void shuffle(Seed seed, std::int64_t epoch, std::vector<std::size_t>& order);

}  // namespace krate::train
