// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench_suite.hpp"

#include <nlohmann/json.hpp>

#include "krate/version.hpp"
#include "tools/bench_cases.hpp"
#include "tools/cli.hpp"
#include "tools/files.hpp"
#include "tools/launch.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

namespace {

using Words = std::vector<std::string>;

constexpr double total_seconds = 420;  // for the timed runs: all of it ends within ten minutes

// CRATE-Small/16 and a model of small images; attention of short and long samples; the rates of features.
std::vector<Words> const& suite() {
  static Words const images = {"--image-size", "32", "--patch-size", "4",  "--dim",   "384",
                               "--heads",      "6",  "--classes",    "10", "--batch", "64"};
  static auto const with = [](Words words, Words const& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  static std::vector<Words> const all = {
      {"product"},
      {"product", "--precision", "fp64"},
      {"triad"},
      {"infer"},
      {"step"},
      {"step", "--precision", "fp64"},
      with({"infer"}, images),
      with({"step"}, images),
      {"mssa"},
      {"mssa", "--backward"},
      {"mssa", "--backward", "--precision", "fp64"},
      {"mssa", "--batch", "64", "--heads", "6", "--tokens", "65", "--head-dim", "64", "--backward"},
      {"mssa", "--batch", "2", "--tokens", "577", "--backward"},
      {"mssa", "--batch", "1", "--tokens", "1025", "--backward"},
      {"mssa", "--causal", "--backward"},
      {"tssa"},
      {"tssa", "--backward"},
      {"tssa", "--causal", "--backward"},
      {"ista"},
      {"ista", "--backward"},
      {"ista", "--backward", "--precision", "fp64"},
      {"ista", "--tokens", "12608", "--dim", "384", "--backward"},
      {"ista", "--tokens", "4096", "--dim", "768", "--backward"},
      {"rate"},
      {"rate", "--samples", "2000", "--dim", "1024"},
      {"rate", "--classes", "10"},
      {"rate", "--classes", "100"},
  };
  return all;
}

Json run_words(Bench& bench, Words words) {
  for (auto const& c : bench_cases()) {
    if (c.name != words.front()) continue;
    OptionTable options = c.options();
    cli::App app;
    options.bind(app);
    words.erase(words.begin());
    app.parse(std::move(words));
    return run_case(bench, c, options);
  }
  throw Error("krate::bench", "the suite names " + words.front() + ", which is no case");
}

Json machine(Context& context) {
  Space const& space = context.space();
  Processor const p = processor();
  Blas const b = blas();
  return {{"version", version()},
          {"commit", git_commit()},
          {"space", Space::name()},
          {"device", device_name(space)},
          {"processor", p.name},
          {"cores", available_cores().size()},
          {"features", p.features},
          {"memory_bytes", memory_bytes()},
          {"huge_pages", huge_pages()},
          {"blas", b.name},
          {"blas_kernels", b.kernels},
          {"pinned", pinning().pinned},
          {"threads", impl::is_device<Space> ? 0 : space.concurrency()},
          {"ranks", context.comm().size()}};
}

void run_suite(Context& context, std::string const& path, std::int64_t repeat) {
  Kokkos::Timer clock;
  auto const& cases = suite();
  Bench bench(context, repeat, total_seconds / static_cast<double>(cases.size()));
  Json result = machine(context), records = Json::array();
  {
    auto progress = context.progress("bench suite", cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      std::string name;
      for (auto const& word : cases[i]) name += (name.empty() ? "" : " ") + word;
      records.push_back(run_words(bench, cases[i]));
      progress.update(i + 1, name);
    }
  }
  auto const single = bench.roof<float>(), twice = bench.roof<double>();
  result["peaks"] = {{"float_gflop_per_s", 1e-9 * single.flop_per_s},
                     {"double_gflop_per_s", 1e-9 * twice.flop_per_s},
                     {"triad_gb_per_s", 1e-9 * single.byte_per_s}};
  result["seconds"] = clock.seconds();
  result["cases"] = std::move(records);
  context.comm().guarded([&] {
    if (context.comm().is_root()) write_file(path, result.dump(2) + "\n");
  });
  if (context.json()) return context.print_json(result);
  context.print(path + ": " + std::to_string(cases.size()) + " cases");
}

}  // namespace

void add_bench_suite(cli::App& bench, Context& context) {
  struct Command {
    std::string output;
    std::int64_t repeat = 7;
  };
  auto const command = std::make_shared<Command>();
  auto* const sub = bench.add_subcommand("suite", "Measure all cases, the raw product and the triad");
  sub->add_option("-o,--output", command->output, "File of the results")->required()->option_text("MACHINE.json");
  sub->add_option("--repeat", command->repeat, "Timed runs of a case; long cases get fewer")->option_text("INT [7]");
  context.add_json_flag(*sub);
  sub->footer("It takes less than ten minutes. Example: krate bench suite -o machine.json");
  sub->callback([&context, command] { run_suite(context, command->output, command->repeat); });
}

}  // namespace krate::tools
