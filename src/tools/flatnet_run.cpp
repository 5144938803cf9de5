// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>

#include "krate/io/hdf5.hpp"
#include "krate/train/flatnet_file.hpp"
#include "tools/flatnet.hpp"
#include "tools/flatnet_passes.hpp"

namespace krate::tools {

namespace {

/// A model and this rank's part of the chosen samples.
struct FlatnetOnData {
  models::Flatnet<Space> model;
  Rows samples;
  comm::Share share;
  std::size_t total;
};

FlatnetOnData open_both(Context& context, ModelArguments const& arguments) {
  auto const& comm = context.comm();
  require_value(arguments.batch > 0, "krate::model", "--batch", arguments.batch, "must be positive");
  io::CheckpointReader const file(arguments.model, comm);
  auto model = train::load_flatnet(context.space(), file);
  auto const data = io::Dataset::open(arguments.data, comm, {.as_features = true});
  auto const& about = data.description();
  if (about.sample_size() != model.config().dim) {
    throw ShapeError("krate::model", "the dataset's samples have " + std::to_string(about.sample_size()) +
                                         " numbers, but the model takes " + std::to_string(model.config().dim) +
                                         "; use a dataset of that size");
  }
  auto const subset = !arguments.split.empty() ? io::subset_of(arguments.split)
                      : about.has_split()      ? io::Subset::test
                                               : io::Subset::all;
  auto const rows = data.indices(subset);
  require_value(!rows.empty(), "krate::model", "samples", 0, "must be at least one in the chosen part of the dataset");
  return {std::move(model), my_rows(comm, data.load(), rows), comm::share_of(rows.size(), comm.rank(), comm.size()),
          rows.size()};
}

}  // namespace

bool is_flatnet(Context& context, std::string const& model) {
  return io::CheckpointReader(model, context.comm()).model() == "flatnet";
}

train::Evaluation eval_flatnet(Context& context, ModelArguments const& arguments) {
  auto const run = open_both(context, arguments);
  auto const back = decoded(context.space(), run.model, encoded(context.space(), run.model, run.samples));
  train::Evaluation found;
  found.samples = static_cast<std::int64_t>(run.total);
  found.loss = context.comm().all_reduce(squared_distance(run.samples, back)) / static_cast<double>(run.total);
  found.has_accuracy = false;
  return found;
}

void predict_flatnet(Context& context, ModelArguments const& arguments, std::string const& output, bool decode) {
  auto const& comm = context.comm();
  auto const run = open_both(context, arguments);
  auto const codes = decode ? run.samples : encoded(context.space(), run.model, run.samples);
  auto const back = decoded(context.space(), run.model, codes);
  auto file = io::File::create(output, comm);
  auto const write = [&](char const* name, Rows const& rows) {
    file.write<double>(name, {run.total, rows.columns}, run.share.begin, run.share.count, rows.values);
  };
  if (!decode) write("/features", codes);
  write("/reconstruction", back);
  file.commit();
  Json result{{"path", output}, {"samples", run.total}};
  if (decode) {
    context.print(output + ": samples of " + std::to_string(run.total) + " codes");
  } else {
    double const error = comm.all_reduce(squared_distance(run.samples, back)) / static_cast<double>(run.total);
    result["reconstruction_error"] = error;
    char line[96];
    std::snprintf(line, sizeof line, ": codes and reconstructions of %zu samples, mean squared distance %.6g",
                  run.total, error);
    context.print(output + line);
  }
  if (context.json()) context.print_json(result);
}

}  // namespace krate::tools
