// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate report: one page about a training run.
#include "tools/report.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

bool has_report(OptionTable const& options) {
  auto const model = options.get<std::string>("model");
  bool const others_halves = model == "crate" && (options.get<std::string>("attention") != "mssa" ||
                                                  options.get<std::string>("feed-forward") != "ista");
  return (model == "crate" || model == "crate_alpha") && !others_halves &&
         options.get<std::string>("objective") == "cross_entropy";
}

Findings write_report(Context& context, std::string const& run, io::SampleTable const& data,
                      std::string const& directory) {
  Findings findings;
  Space const& space = context.space();
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    auto const record = read_run(run);
    findings = examine(space, run + "/model.h5", data);
    make_directories(directory, "krate::report");
    write_file(directory + "/index.html", report_page(record, findings));
  });
  return findings;
}

namespace {

std::string data_of(RunRecord const& run, std::string const& given) {
  if (!given.empty()) return given;
  auto const data = run.options.get<std::string>("data");
  if (!fs::exists(data)) {
    throw IoError("krate::report",
                  data + " is not there (" + run.path + "/config.toml names it); say where it is with --data D.h5");
  }
  return data;
}

Json as_json(Findings const& f) {
  Json baselines = Json::array();
  for (auto const& b : f.baselines) baselines.push_back({{"name", b.name}, {"right", b.right}});
  return {{"samples", f.samples.count()},
          {"right", f.labels.empty() ? Json() : Json(f.right())},
          {"training_samples", f.trained_on},
          {"baselines", baselines}};
}

}  // namespace

void add_report(cli::App& app, Context& context) {
  auto* const report = app.add_subcommand("report", "One HTML page about a training run");
  report->footer(
      "DIR/index.html stands alone: curves, coding rate and density by layer, attention maps, mistakes, baselines. "
      "krate\n"
      "train and krate resume write it into RUN/report at their end.\n"
      "Example: krate report run");
  struct Command {
    std::string run, data, output;
  };
  auto const given = std::make_shared<Command>();
  report->add_option("run", given->run, "Directory of a finished run")->required()->option_text("RUN");
  report->add_option("--data", given->data, "Dataset file [the one in RUN/config.toml]")->option_text("D.h5");
  report->add_option("-o,--output", given->output, "Directory for the page; it is made if it is not there [RUN/report]")
      ->option_text("DIR");
  context.add_json_flag(*report);
  report->callback([&context, given] {
    std::string data;
    context.comm().guarded([&] { data = data_of(read_run(given->run), given->data); });
    std::string const directory = given->output.empty() ? given->run + "/report" : given->output;
    io::SampleTable table;
    context.comm().guarded([&] {
      if (context.comm().is_root()) table = io::Dataset::open(data).load();
    });
    auto const findings = write_report(context, given->run, table, directory);
    std::string const page = directory + "/index.html";
    if (context.json()) {
      Json result{{"path", page}};
      result.update(as_json(findings));
      return context.print_json(result);
    }
    context.print("report: " + page);
  });
}

}  // namespace krate::tools
