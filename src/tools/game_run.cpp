// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/game_run.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_game_run = "krate::game";

}  // namespace

void add_run_options(cli::App& app, GameRun& run) {
  app.add_option("--checkpoint-minutes", run.checkpoint_minutes, "Time between checkpoints")->option_text("NUMBER [5]");
  app.add_flag("--resume", run.resume, "Go on with the interrupted run in DIR, with any number of ranks");
  app.add_option("-o,--output", run.output, "Directory for the results; must not hold anything, but for --resume")
      ->required()
      ->option_text("DIR");
}

bool begin(Context& context, GameRun const& run, FunctionRef<void()> start, FunctionRef<void()> go_on) {
  auto const& comm = context.comm();
  require_value(run.checkpoint_minutes >= 0, in_game_run, "--checkpoint-minutes", run.checkpoint_minutes,
                "must not be negative");
  if (!run.resume) {
    start();
    comm.guarded([&] {
      if (!comm.is_root()) return;
      require_new_directory(run.output, in_game_run, "choose another DIR, or --resume");
      make_directories(run.output, in_game_run);
    });
    return true;
  }
  bool finished = std::filesystem::exists(run.path());
  comm.broadcast(finished);
  if (finished) {
    if (context.json()) {
      context.print_json({{"path", run.path()}, {"finished", true}});
    } else {
      context.print(run.path() + " is there: the run is finished; nothing to do");
    }
    return false;
  }
  comm.guarded([&] {
    if (comm.is_root() && !std::filesystem::exists(run.checkpoint()))
      throw IoError(in_game_run, run.output +
                                     " has no checkpoint.h5 (no run stopped there after its first one); start without "
                                     "--resume");
  });
  go_on();
  return true;
}

void end(Context& context, GameRun const& run) {
  context.comm().guarded([&] {
    std::error_code ignored;
    if (context.comm().is_root()) std::filesystem::remove(run.checkpoint(), ignored);
  });
}

}  // namespace krate::tools
