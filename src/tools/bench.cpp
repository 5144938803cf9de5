// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate bench: measures one case, lists them, runs them all, compares machines.
#include "tools/bench_cases.hpp"

#include <nlohmann/json.hpp>
#include "tools/bench_compare.hpp"
#include "tools/bench_suite.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"

namespace krate::tools {

namespace {

struct CaseCommand {
  OptionTable options;
  std::int64_t repeat = 7;
};

void show_bench(Context& context, Json const& r) {
  auto const line = [&](char const* name, char const* format, auto... values) {
    char text[160];
    std::snprintf(text, sizeof text, format, values...);
    context.print(std::string(name) + text);
  };
  auto const real = [&](char const* key) { return r[key].is_number() ? r[key].get<double>() : 0; };
  std::string config;
  for (auto const& [key, value] : r["config"].items()) {
    config +=
        (config.empty() ? ": " : ", ") + key + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  context.print(r["case"].get<std::string>() + config);
  line("time     ", "%.4g ms, median %.4g ms of %lld", 1e3 * real("seconds_min"), 1e3 * real("seconds_median"),
       static_cast<long long>(r["repeat"].get<std::int64_t>()));
  line("speed    ", "%.4g GF/s, %.4g GB/s, %.1f %% of the roof", real("gflop_per_s"), real("gb_per_s"),
       real("roof_percent"));
  line("memory   ", "%.4g MB at most", 1e-6 * real("peak_bytes"));
  context.print("machine  " + r["device"].get<std::string>() + ", " + r["threads"].dump() + " threads, " +
                r["ranks"].dump() + " ranks");
}

void add_case(cli::App& bench, Context& context, BenchCase const& which) {
  auto* const sub = bench.add_subcommand(which.name, which.about);
  auto const command = std::make_shared<CaseCommand>(CaseCommand{which.options()});
  command->options.bind(*sub);
  sub->add_option("--repeat", command->repeat, "Timed runs, after some that warm up")->option_text("INT [7]");
  context.add_json_flag(*sub);
  sub->footer(std::string(which.details) + "\nExample: krate bench " + which.name + " --json");
  sub->callback([&context, &which, command] {
    Bench run(context, command->repeat);
    Json const record = run_case(run, which, command->options);
    if (context.json()) return context.print_json(record);
    show_bench(context, record);
  });
}

void add_list(cli::App& bench, Context& context) {
  auto* const list = bench.add_subcommand("list", "The cases with their options");
  context.add_json_flag(*list);
  list->footer("Example: krate bench list");
  list->callback([&context] {
    Json cases = Json::array();
    for (auto const& c : bench_cases()) {
      Json const config = config_of(c.options());
      cases.push_back({{"case", c.name}, {"about", c.about}, {"config", config}});
      std::string line = c.name;
      line.resize(9, ' ');
      line += c.about + std::string(":");
      for (auto const& [key, value] : config.items()) {
        std::string flag = key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        if (value.is_boolean()) {
          line += " [--" + flag + "]";
        } else {
          line += " --" + flag + " " + (value.is_string() ? value.get<std::string>() : value.dump());
        }
      }
      context.print(line);
    }
    if (context.json()) context.print_json({{"cases", cases}});
  });
}

}  // namespace

void add_bench(cli::App& app, Context& context) {
  auto* const bench = app.add_subcommand("bench", "Measure speed and memory, and compare machines");
  bench->require_subcommand(1);
  bench->footer(
      "A record has seconds, flops (operations that the algorithm does), bytes (each input read once, each output "
      "written\n"
      "once), both by the fastest run, and how near that comes to the roof min(peak product, flops / bytes * "
      "triad), which\n"
      "is measured in the same process. peak_bytes is over that right after the start. Under several ranks infer and "
      "step\n"
      "share out their batch, and other cases run in full on each rank at the same time; time is that of the slowest "
      "rank,\n"
      "memory that of the largest, flops and bytes are added up.\n"
      "Example: krate bench step --model crate --dim 576 --depth 12 --heads 12 --batch 8 --json");
  for (auto const& c : bench_cases()) add_case(*bench, context, c);
  add_list(*bench, context);
  add_bench_suite(*bench, context);
  add_bench_compare(*bench, context);
}

}  // namespace krate::tools
