// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command krate: reads its arguments, runs one subcommand, and turns any failure into one line and an exit code.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

#include "krate/io/hdf5.hpp"
#include "krate/version.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/context.hpp"
#include "tools/failure.hpp"
#include "tools/launch.hpp"

namespace {

using namespace krate::tools;

// Exceptions that nothing can catch, thrown while another is on its way, still end in one line.
[[noreturn]] void end_badly() {
  auto const error = std::current_exception();
  auto const failure = error ? describe(error, "krate") : Failure{"krate: usage: stopped without a reason"};
  std::fprintf(stderr, "%s\n", failure.line.c_str());
  std::_Exit(failure.exit_code);
}

void describe_program(CLI::App& app) {
  app.name("krate");
  app.description("krate - representation learning by coding rate: CRATE transformers and what studies them");
  app.footer(
      "Examples:\n"
      "  krate info                                    what this machine and this build can do\n"
      "  krate data digits -o digits.h5                real handwritten digits, shipped with krate\n"
      "  krate train --model crate --data digits.h5 -o run    train a CRATE\n"
      "  krate COMMAND --help                          what a command takes\n"
      "All commands run under mpirun and srun as well; with --json they print one JSON object.");
  app.get_formatter()->column_width(36);
  app.set_version_flag("--version", std::string("krate ") + krate::version());
}

std::optional<Failure> run(cli::App& commands, int argc, char** argv) {
  CLI::App& app = commands.native();
  try {
    app.parse(argc, argv);  // runs the subcommand's callback
    if (!app.get_subcommands().empty()) return {};
    if (launched_rank() == 0) std::fputs(app.help().c_str(), stdout);
    return Failure{"krate: usage: no command was given (the list is on standard output); see krate --help",
                   usage_exit_code};
  } catch (CLI::ParseError const& error) {
    if (error.get_exit_code() != 0) return describe_usage(app, error);
    std::ostringstream out;
    app.exit(error, out, out);  // the text of --help or --version
    if (launched_rank() == 0) std::fputs(out.str().c_str(), stdout);
    return {};
  } catch (...) {
    return describe(std::current_exception(), called_command(app));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_badly);
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the user's limit is an error like a full disk, not the end
  pin_threads(argv);
  krate::io::silence_hdf5();
  cli::App app;
  Context context;
  describe_program(app.native());
  add_info(app, context);
  add_data(app, context);
  add_train(app, context);
  add_resume(app, context);
  add_eval(app, context);
  add_predict(app, context);
  add_generate(app, context);
  add_import(app, context);
  add_export(app, context);
  add_rate(app, context);
  add_analyze(app, context);
  add_game(app, context);
  add_report(app, context);
  add_bench(app, context);
  auto const failure = run(app, argc, argv);
  return context.leave(failure ? &*failure : nullptr);
}
