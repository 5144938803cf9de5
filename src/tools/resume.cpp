// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate resume: goes on with a run that was interrupted.
#include <filesystem>

#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/training.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

void add_resume(CLI::App& app, Context& context) {
  auto* const resume = app.add_subcommand("resume", "Go on with an interrupted training run");
  resume->footer(
      "Goes on from the newest good checkpoint to the configured end, with any number of ranks; with the same number "
      "the\n"
      "result has the bits of the uninterrupted run. A finished run stays as it is.\n"
      "Example: krate resume run");
  struct Command {
    OptionTable options = training_options();
    std::string run;
  };
  auto const command = std::make_shared<Command>();
  resume->add_option("run", command->run, "Directory of the run")->required()->option_text("RUN");
  context.add_json_flag(*resume);
  resume->callback([&context, command] {
    auto& o = command->options;
    auto const& run = command->run;
    bool finished = false;
    context.comm().guarded([&] {
      if (!fs::is_regular_file(run + "/config.toml")) {
        throw IoError("krate::resume", run +
                                           " is no training run (it has no config.toml); give the directory that krate "
                                           "train made");
      }
      o.read_toml(run + "/config.toml");
      if (!o.has_value("model") || !o.has_value("data")) {
        throw ValueError("krate::resume", run + "/config.toml does not name model and data; restore it");
      }
      o.choose(o.get<std::string>("model"));
      finished = fs::exists(run + "/summary.json") && fs::exists(run + "/model.h5");
    });
    context.comm().broadcast(finished);
    if (finished) {
      if (context.json()) return context.print_json(Json::parse(read_file(run + "/summary.json")));
      return context.print(run + " is finished; nothing to do");
    }
    train_run(context, o, run, true);
  });
}

}  // namespace krate::tools
