// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the runs of all games have in common: a directory of their own, checkpoints in it, and going on.
#pragma once

#include <string>

#include "krate/core/function_ref.hpp"
#include "tools/context.hpp"

namespace krate::tools {

struct GameRun {
  std::string result;  ///< the file that a finished run has: "/markov.h5"
  std::string output{};
  double checkpoint_minutes = 5;
  bool resume = false;

  std::string path() const { return output + result; }
  std::string checkpoint() const { return output + "/checkpoint.h5"; }
  double checkpoint_seconds() const { return 60 * checkpoint_minutes; }
};

void add_run_options(cli::App& app, GameRun& run);

/// Collective: makes the directory of a new run, whose settings `start` has made and checked, or lets `go_on` read the
/// checkpoint of an interrupted one.
/// @return whether there is something to do; a finished run is said to be so
/// @throws ValueError or IoError where the run cannot start or go on
bool begin(Context& context, GameRun const& run, FunctionRef<void()> start, FunctionRef<void()> go_on);

/// Collective: the results are written, so the checkpoint may go.
void end(Context& context, GameRun const& run);

}  // namespace krate::tools
