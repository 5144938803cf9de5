// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `krate train` and `krate resume` share: the options of a run, and the run itself.
#pragma once

#include <memory>
#include <string>

#include "krate/train/trainer.hpp"
#include "tools/context.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// Every option of a training run, in the order of config.toml.
OptionTable training_options();

/// The options of a run, from its config.toml. @throws IoError, ValueError from `where` if it is no training run
OptionTable options_of_run(std::string const& run, char const* where);

/// Trains into the directory `run`. The dataset and all options are checked before anything is made there.
/// @param resume  go on from the newest good checkpoint of `run`
void train_run(Context& context, OptionTable& options, std::string const& run, bool resume);

}  // namespace krate::tools
