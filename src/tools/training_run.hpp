// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training run does around the training, whatever the model.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/io/dataset.hpp"
#include "krate/train/trainer.hpp"
#include "tools/context.hpp"
#include "tools/options.hpp"
#include "tools/run_directory.hpp"

namespace krate::tools {

struct TrainingRun {
  Context& context;
  OptionTable& options;
  io::Dataset const& data;
  std::string const& directory;
  bool resume;
  io::CheckpointReader const* from;  ///< see network_file(); null: none

  optim::Rule rule() const;
  /// @param progress  made at the first step; lives as long as the trainer
  train::TrainerOptions settings(std::unique_ptr<Progress>& progress) const;

  /// Makes the directory of a new run; of one that goes on, reads again what it started from. Collective.
  /// @param start  what --from gave, transfer_json()
  /// @return to be kept during the run; null on other ranks than the root's, and where the run goes on
  std::unique_ptr<RunDirectory> begin(Json& start) const;

  struct Outcome {
    char const* model;
    std::size_t parameters;
    bool tokens;  ///< the model reads tokens
    train::TrainSummary summary;
    Json start;
  };
  /// Writes summary.json and the report, and prints the result. Collective. @throws Error if a signal ended the run
  void end(Outcome const& outcome, io::SampleTable const& table) const;
};

}  // namespace krate::tools
