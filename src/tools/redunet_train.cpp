// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "krate/train/redunet_builder.hpp"
#include "krate/train/redunet_file.hpp"
#include "tools/files.hpp"
#include "tools/redunet.hpp"
#include "tools/redunet_samples.hpp"
#include "tools/run_directory.hpp"

namespace krate::tools {

namespace {

using Records = std::vector<train::RedunetLayerRecord>;

/// The columns of every training run; a step is a layer, and the objective is the rate reduction, with its sign turned.
std::string metrics(Records const& records, std::vector<double> const& seconds) {
  std::ostringstream csv;
  csv.precision(17);
  csv << "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds\n";
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto const& r = records[i];
    csv << i + 1 << ",,train," << -r.rate_reduction() << ',' << r.train.accuracy() << ",,,," << seconds[i] << '\n';
    if (r.test.samples > 0)
      csv << i + 1 << ",,test," << r.test.loss << ',' << r.test.accuracy() << ",,,," << seconds[i] << '\n';
  }
  return csv.str();
}

template <class T>
void build(Context& context, OptionTable const& options, io::Dataset const& data, models::RedunetConfig const& config,
           std::string const& run) {
  using Clock = std::chrono::steady_clock;
  auto const start = Clock::now();
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto const table = data.load();
  auto const train_rows = data.indices(io::Subset::train);
  auto const test_rows = data.description().has_split() ? data.indices(io::Subset::test) : std::vector<std::size_t>();
  require_value(!train_rows.empty(), "krate::train", "samples", 0, "must be at least one in the train part");
  RedunetRows<T> const train_part(space, table, mine(comm, train_rows)), test_part(space, table, mine(comm, test_rows));
  models::Redunet<Space, T> const model(space, config);

  std::optional<RunDirectory> directory;
  comm.guarded([&] {
    if (comm.is_root()) directory.emplace(run, options.to_toml());
  });
  auto progress = context.progress("building", config.layers);
  std::vector<double> seconds;
  auto const records = train::build_redunet<Space, T>(
      space, comm, model, {train_part.z, train_part.labels}, {test_part.z, test_part.labels}, [&](std::size_t done) {
        seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
        progress.update(done);
      });
  progress.wipe();
  train::save_redunet(space, comm, model, run + "/model.h5");

  auto const& last = records.back();
  bool const tested = last.test.samples > 0;
  Json const result{{"model", "redunet"},
                    {"parameters", model.parameters().count()},
                    {"ranks", comm.size()},
                    {"threads", space.concurrency()},
                    {"steps", config.layers},
                    {"train_loss", -last.rate_reduction()},
                    {"train_accuracy", last.train.accuracy()},
                    {"test_loss", tested ? Json(last.test.loss) : Json()},
                    {"test_accuracy", tested ? Json(last.test.accuracy()) : Json()},
                    {"seconds", std::chrono::duration<double>(Clock::now() - start).count()},
                    {"peak_bytes", context.peak_bytes()},
                    {"resumed_from", Json()}};
  comm.guarded([&] {
    if (!comm.is_root()) return;
    write_file(run + "/metrics.csv", metrics(records, seconds));
    write_file(run + "/summary.json", result.dump(2) + "\n");
    directory->keep();
  });
  if (context.json()) return context.print_json(result);
  char line[160];
  std::snprintf(line, sizeof line, "%zu layers in %.1f s, rate reduction %.4f to %.4f, training accuracy %.4f",
                config.layers, seconds.back(), records.front().rate_reduction(), last.rate_reduction(),
                last.train.accuracy());
  context.print(line);
  if (tested) {
    std::snprintf(line, sizeof line, "test accuracy %.4f (%lld of %lld)", last.test.accuracy(),
                  static_cast<long long>(last.test.correct), static_cast<long long>(last.test.samples));
    context.print(line);
  }
  context.print("model: " + run + "/model.h5");
}

}  // namespace

void train_redunet(Context& context, OptionTable& options, std::string const& run) {
  auto const data = open_as_rows(options.get<std::string>("data"), context.comm());
  auto const& about = data.description();
  about.require_labels();
  require_value(about.kind == io::SampleKind::features && about.label_size() == 1, "krate::train", "--data",
                about.origin, "must hold images or features with one label each for the model redunet");
  options.resolve<std::int64_t>("classes", about.classes);
  options.resolve<double>("eta", 0.5);
  options.resolve<double>("eps-squared", 0.1);
  models::RedunetConfig config;
  config.dim = about.sample_size();
  config.layers = options.get<std::size_t>("layers");
  config.classes = options.get<std::size_t>("classes");
  config.eta = options.get<double>("eta");
  config.eps_squared = options.get<double>("eps-squared");
  config.lambda_s = options.get<double>("lambda-s");
  require_value(config.classes >= static_cast<std::size_t>(about.classes), "krate::train", "--classes", config.classes,
                ("must be at least the dataset's " + std::to_string(about.classes)).c_str());
  config.validate();
  if (options.get<std::string>("precision") == "fp64") {
    build<double>(context, options, data, config, run);
  } else {
    build<float>(context, options, data, config, run);
  }
}

}  // namespace krate::tools
