// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate resume: goes on with a run that was interrupted.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/training.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

void add_resume(cli::App& app, Context& context) {
  auto* const resume = app.add_subcommand("resume", "Go on with an interrupted training run");
  resume->footer(
      "Goes on from the newest good checkpoint to the configured end, with any number of ranks; with the same number "
      "the\n"
      "result has the bits of the uninterrupted run. A finished run stays as it is.\n"
      "Example: krate resume run");
  struct Command {
    std::string run;
  };
  auto const command = std::make_shared<Command>();
  resume->add_option("run", command->run, "Directory of the run")->required()->option_text("RUN");
  context.add_json_flag(*resume);
  resume->callback([&context, command] {
    auto const& run = command->run;
    auto options = training_options();
    bool finished = false;
    context.comm().guarded([&] {
      options = options_of_run(run, "krate::resume");
      finished = fs::exists(run + "/summary.json") && fs::exists(run + "/model.h5");
    });
    context.comm().broadcast(finished);
    if (finished) {
      if (context.json()) return context.print_json(Json::parse(read_file(run + "/summary.json")));
      return context.print(run + " is finished; nothing to do");
    }
    train_run(context, options, run, true);
  });
}

}  // namespace krate::tools
