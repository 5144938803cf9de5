// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>

#include "krate/io/hdf5.hpp"
#include "krate/train/closed_loop_file.hpp"
#include "tools/closed_loop.hpp"
#include "tools/closed_loop_passes.hpp"

namespace krate::tools {

namespace {

/// Calls `use(model)`, its scalar as the parameters are stored.
template <class Use>
void with_players(Context& context, ModelArguments const& arguments, Use const& use) {
  require_value(arguments.batch > 0, "krate::model", "--batch", arguments.batch, "must be positive");
  io::CheckpointReader const file(arguments.model, context.comm());
  auto const names = file.tensors("/model");
  if (!names.empty() && file.info("/model/" + names.front()).element_bytes == sizeof(double))
    return use(train::load_csc_ctrl<Space, double>(context.space(), file));
  use(train::load_csc_ctrl<Space, float>(context.space(), file));
}

void require_images(io::DatasetDescription const& about, models::CscCtrlConfig const& c) {
  std::vector<std::size_t> const expected{c.channels, c.image_size.height, c.image_size.width};
  if (about.kind == io::SampleKind::images && about.sample_shape == expected) return;
  throw ShapeError("krate::model", "the dataset's samples are " + impl::shape_text(about.sample_shape) +
                                       ", but the model takes images " + impl::shape_text(expected) +
                                       "; use a dataset of that size");
}

std::vector<std::size_t> chosen(io::Dataset const& data, std::string const& split) {
  auto const subset = !split.empty()                   ? io::subset_of(split)
                      : data.description().has_split() ? io::Subset::test
                                                       : io::Subset::all;
  auto rows = data.indices(subset);
  require_value(!rows.empty(), "krate::model", "samples", 0, "must be at least one in the chosen part of the dataset");
  return rows;
}

}  // namespace

bool is_closed_loop(Context& context, std::string const& model) {
  auto const name = io::CheckpointReader(model, context.comm()).model();
  return name == "csc_ctrl" || name == "ctrl";
}

train::Evaluation eval_closed_loop(Context& context, ModelArguments const& arguments) {
  train::Evaluation found;
  with_players(context, arguments, [&](auto const& model) {
    auto const data = io::Dataset::open(arguments.data, context.comm());
    data.require_labels();
    require_images(data.description(), model.config);
    require_value(static_cast<std::size_t>(data.description().classes) <= model.config.classes, "krate::model",
                  "classes", data.description().classes, "of the dataset must not exceed the model's");
    auto const table = data.load();
    auto const run = [&](std::vector<std::size_t> const& rows) {
      return run_loop(context.space(), context.comm(), model, table, rows, static_cast<std::size_t>(arguments.batch));
    };
    auto const samples = run(chosen(data, arguments.split)), known = run(data.indices(io::Subset::train));
    found = evaluate_loop(context.space(), context.comm(), model.config, known, samples);
  });
  return found;
}

void predict_closed_loop(Context& context, ModelArguments const& arguments, std::string const& output, bool decode,
                         std::optional<double> lambda) {
  with_players(context, arguments, [&]<class T>(models::CscCtrl<Space, T> model) {
    auto const& c = model.config;
    if (lambda) {
      if (!c.sparse)
        throw ValueError("krate::predict", "--lambda means nothing for a ctrl (its encoder has no codes); remove it");
      require_value(*lambda >= 0, "krate::predict", "--lambda", *lambda, "must not be negative");
      model.encoder.set_lambda(*lambda);
    }
    auto const data = io::Dataset::open(arguments.data, context.comm(), {.as_features = decode});
    auto const& about = data.description();
    if (!decode) {
      require_images(about, c);
    } else if (about.sample_size() != c.dim) {
      throw ShapeError("krate::predict", "the dataset's samples have " + std::to_string(about.sample_size()) +
                                             " numbers, but the model's features " + std::to_string(c.dim) +
                                             "; use features that it gave");
    }
    auto const run = run_loop(context.space(), context.comm(), model, data.load(), chosen(data, "all"),
                              static_cast<std::size_t>(arguments.batch), decode);
    auto file = io::File::create(output, context.comm());
    if (!decode) {
      std::vector<T> z(run.z.size());
      impl::copy_to_host(context.space(), Vector<T, Space>(run.z.data(), run.z.size()), z,
                         "krate::tools: features are read");
      file.template write<T>("/features", {run.total, c.dim}, run.share.begin, run.share.count, z);
    }
    file.template write<T>("/reconstruction", {run.total, c.channels, c.image_size.height, c.image_size.width},
                           run.share.begin, run.share.count, run.images);
    file.commit();
    std::string const what = decode ? ": images of " : ": features and reconstructions of ";
    context.print(output + what + std::to_string(run.total) + (decode ? " features" : " samples"));
    if (context.json()) context.print_json({{"path", output}, {"samples", run.total}});
  });
}

}  // namespace krate::tools
