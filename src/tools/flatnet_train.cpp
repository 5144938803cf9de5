// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "krate/models/flatnet_builder.hpp"
#include "krate/train/flatnet_file.hpp"
#include "tools/files.hpp"
#include "tools/flatnet.hpp"
#include "tools/flatnet_passes.hpp"
#include "tools/flatnet_picture.hpp"
#include "tools/graceful_stop.hpp"
#include "tools/json.hpp"
#include "tools/png.hpp"
#include "tools/run_directory.hpp"

namespace krate::tools {

namespace {

using Builder = models::FlatnetBuilder<Space>;
using Clock = std::chrono::steady_clock;

models::FlatnetOptions flatnet_options(OptionTable const& o) {
  models::FlatnetOptions options;
  options.iterations = o.get<std::size_t>("iterations");
  options.inner_iterations = o.get<std::size_t>("inner-iterations");
  options.stop_count = o.get<std::size_t>("stop-count");
  options.threshold = o.get<double>("threshold");
  options.alpha_max = o.get<double>("alpha-max");
  options.seed = Seed{o.get<std::uint64_t>("seed")};
  options.validate();
  return options;
}

std::optional<std::size_t> known_dimension(OptionTable const& o) {
  if (!o.has_value("manifold-dim")) return {};
  if (o.get<std::string>("dimension") == "layer") {
    throw ValueError("krate::train", "--dimension layer seeks what --manifold-dim tells; give one of them");
  }
  return o.get<std::size_t>("manifold-dim");
}

/// Text of a table whose first column is the step, its rows up to a step.
std::string rows_until(std::string const& path, std::size_t step) {
  std::istringstream table(std::filesystem::exists(path) ? read_file(path) : std::string());
  std::string kept, line;
  std::getline(table, line);  // names
  while (std::getline(table, line))
    if (std::strtoull(line.c_str(), nullptr, 10) <= step) kept += line + "\n";
  return kept;
}

/// metrics.csv and layers.csv of a run.
struct Tables {
  std::string run, metrics{}, layers{};

  void add(std::size_t step, models::FlatnetStep const& made, double seconds) {
    char row[256];
    std::snprintf(row, sizeof row, "%zu,,train,%.17g,,,,,%.6g\n", step, made.last.loss, seconds);
    metrics += row;
    std::snprintf(row, sizeof row, "%zu,%zu,%.17g,%.17g,%.17g,%.17g,%d\n", step, made.layer.frame.columns, made.radius,
                  made.layer.alpha, made.last.loss, made.change, made.accepted ? 1 : 0);
    layers += row;
  }
  void write() const {
    write_file(run + "/metrics.csv",
               "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds\n" + metrics);
    write_file(run + "/layers.csv", "step,dim,radius,alpha,loss,change,accepted\n" + layers);
  }
};

void write_checkpoint(Context& context, Builder const& builder, Tables const& tables, int keep) {
  auto const& comm = context.comm();
  std::string const directory = tables.run + "/checkpoints";
  comm.guarded([&] {
    if (!comm.is_root()) return;
    make_directories(directory, "krate::train");
    tables.write();
  });
  Configuration state;
  state.set("step", builder.iteration());
  state.set("count", builder.count());
  train::save_flatnet(context.space(), comm, builder.model(context.space()),
                      directory + "/" + io::checkpoint_name(static_cast<std::int64_t>(builder.iteration())), state);
  comm.guarded([&] {
    if (!comm.is_root()) return;
    auto const all = io::list_checkpoints(directory);
    for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) std::filesystem::remove(all[i]);
  });
}

/// @return the step, or none without a checkpoint
std::optional<std::size_t> restore(Context& context, Builder& builder, Tables& tables) {
  auto const newest = io::newest_good_checkpoint(tables.run + "/checkpoints", context.comm());
  for (auto const& line : newest.skipped) context.print(line);
  if (!newest.path) return {};
  io::CheckpointReader const file(*newest.path, context.comm());
  auto const model = train::load_flatnet(context.space(), file);
  std::vector<models::FlatnetLayer> layers;
  for (std::size_t i = 0; i < model.config().layers.size(); ++i) layers.push_back(model.layer(context.space(), i));
  auto const state = file.train();
  auto const step = static_cast<std::size_t>(state.get<std::int64_t>("step"));
  builder.restore(context.space(), layers, step, static_cast<std::size_t>(state.get<std::int64_t>("count")));
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    tables.metrics = rows_until(tables.run + "/metrics.csv", step);
    tables.layers = rows_until(tables.run + "/layers.csv", step);
  });
  return step;
}

/// Mean squared distance of a part's samples to what comes back; null for an empty part.
Json round_trip(Context& context, models::Flatnet<Space> const& model, io::SampleTable const& table,
                std::vector<std::size_t> const& rows) {
  if (rows.empty()) return {};
  auto const mine = my_rows(context.comm(), table, rows);
  auto const back = decoded(context.space(), model, encoded(context.space(), model, mine));
  return finite_or_null(context.comm().all_reduce(squared_distance(mine, back)) / static_cast<double>(rows.size()));
}

}  // namespace

void train_flatnet(Context& context, OptionTable& options, std::string const& run, bool resume) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto const data = io::Dataset::open(options.get<std::string>("data"), comm, {.as_features = true});
  auto const settings = flatnet_options(options);
  options.resolve<std::int64_t>("checkpoint-every", 50);
  auto const table = data.load();
  auto const train_rows = data.indices(io::Subset::train);
  auto const test_rows = data.description().has_split() ? data.indices(io::Subset::test) : std::vector<std::size_t>();
  auto const start = Clock::now();
  auto const mine = on_device(space, my_rows(comm, table, train_rows));
  Builder builder(space, comm, mine, settings);
  if (auto const known = known_dimension(options)) {
    builder.set_dimension(*known);
  } else if (options.get<std::string>("dimension") == "whole") {
    builder.set_dimension(builder.find_dimension(space));
  }
  Tables tables{run};
  std::optional<std::size_t> resumed_from;
  if (resume) resumed_from = restore(context, builder, tables);
  std::optional<RunDirectory> directory;
  comm.guarded([&] {
    if (comm.is_root() && !resume) directory.emplace(run, options.to_toml());
  });

  GracefulStop const graceful;
  auto const every = options.get<std::size_t>("checkpoint-every");
  int const keep = options.get<int>("keep");
  auto progress = context.progress("flattening", settings.iterations);
  models::FlatnetStep last;
  while (!builder.finished()) {
    last = builder.step(space);
    tables.add(builder.iteration(), last, std::chrono::duration<double>(Clock::now() - start).count());
    char note[96];
    std::snprintf(note, sizeof note, "%zu layers, dimension %zu, local error %.1e", builder.layers().size(),
                  last.layer.frame.columns, last.last.loss);
    progress.update(builder.iteration(), note);
    bool const stop = comm.all_reduce<std::int64_t>(stop_requested(), comm::Reduction::max) != 0;
    if (stop || (builder.iteration() % every == 0 && !builder.finished()))
      write_checkpoint(context, builder, tables, keep);
    if (stop && !builder.finished()) {
      throw Error("krate::train",
                  "stopped by a signal, a checkpoint was written first; continue with krate resume " + run);
    }
  }
  progress.wipe();
  double const seconds = std::chrono::duration<double>(Clock::now() - start).count();
  auto const model = builder.model(space);
  train::save_flatnet(space, comm, model, run + "/model.h5");

  std::size_t const dim = model.config().manifold_dim();
  Json result{{"model", "flatnet"},
              {"parameters", model.parameters().count()},
              {"ranks", comm.size()},
              {"threads", space.concurrency()},
              {"steps", builder.iteration()},
              {"layers", builder.layers().size()},
              {"manifold_dim", dim},
              {"train_loss", round_trip(context, model, table, train_rows)},
              {"test_loss", round_trip(context, model, table, test_rows)},
              {"test_accuracy", Json()},
              {"seconds", seconds},
              {"peak_bytes", context.peak_bytes()},
              {"resumed_from", resumed_from ? Json(*resumed_from) : Json()}};
  comm.guarded([&] {
    if (!comm.is_root()) return;
    auto const samples = rows_of(table, train_rows);
    auto const estimates = estimate_dimension(space, samples);
    result["baselines"] = {{"pca_loss", dim > 0 ? finite_or_null(principal_plane_error(space, samples, dim)) : Json()},
                           {"two_nn_dim", finite_or_null(estimates.two_nn)},
                           {"mle_dim", finite_or_null(estimates.maximum_likelihood)}};
    tables.write();
    write_png(run + "/flattened.png", flatnet_picture(space, model, samples));
    write_file(run + "/summary.json", result.dump(2) + "\n");
    if (directory) directory->keep();
  });
  if (context.json()) return context.print_json(result);
  char line[200];
  std::snprintf(line, sizeof line, "%zu layers of %zu candidates in %.1f s, dimension %zu", builder.layers().size(),
                builder.iteration(), seconds, dim);
  context.print(line);
  if (!comm.is_root()) return;
  auto const text = [&](Json const& x) { return x.is_number() ? impl::value_text(x.get<double>()) : "none"; };
  context.print("mean squared distance of what comes back: " + text(result["train_loss"]) + " (a plane of that " +
                "dimension: " + text(result["baselines"]["pca_loss"]) + ")");
  context.print("dimension by distances alone: TwoNN " + text(result["baselines"]["two_nn_dim"]) + ", MLE " +
                text(result["baselines"]["mle_dim"]));
  context.print("model: " + run + "/model.h5; " + run + "/flattened.png shows samples, codes and what comes back");
}

}  // namespace krate::tools
