// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data principal: samples along the principal directions of those for training.

#include "krate/core/require.hpp"
#include "tools/baselines.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/flatnet_samples.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_principal = "krate::data principal";

struct PrincipalOptions {
  std::string data;
  std::int64_t label = -1, directions = 100;
};

std::vector<double> mean_of(Rows const& rows) {
  std::vector<double> mean(rows.columns);
  for (std::size_t i = 0; i < rows.values.size(); ++i)
    mean[i % rows.columns] += rows.values[i] / static_cast<double>(rows.count());
  return mean;
}

Rows less(Rows rows, std::vector<double> const& mean) {
  for (std::size_t i = 0; i < rows.values.size(); ++i) rows.values[i] -= mean[i % rows.columns];
  return rows;
}

NewDataset principal_samples(Space const& space, PrincipalOptions const& o) {
  require_value(o.directions > 0 && o.directions <= 10000, in_data_principal, "--directions", o.directions,
                "must be from 1 to 10000");
  auto const data = io::Dataset::open(o.data, comm::Communicator(), {.as_features = true});
  auto const table = data.load();
  auto const& about = data.description();
  bool const split = about.has_split(), labels = about.has_labels && about.label_shape.empty();
  if (o.label >= 0) data.require_labels();
  NewDataset made;
  std::vector<Rows> parts;
  for (auto const subset : {split ? io::Subset::train : io::Subset::all, io::Subset::test}) {
    if (!split && subset == io::Subset::test) break;
    std::vector<std::size_t> chosen;
    for (std::size_t const row : data.indices(subset)) {
      if (o.label >= 0 && table.label(row) != o.label) continue;
      chosen.push_back(row);
      if (o.label < 0 && labels) made.labels.push_back(table.label(row));
    }
    parts.push_back(rows_of(table, chosen));
    made.split.insert(made.split.end(), split ? chosen.size() : 0, subset == io::Subset::test);
  }
  require_value(parts[0].count() > 1, in_data_principal, "samples for training", parts[0].count(),
                "must be at least two; choose another --label");
  auto const mean = mean_of(parts[0]);
  auto const directions = leading_subspace(space, less(parts[0], mean), static_cast<std::size_t>(o.directions));
  for (auto const& part : parts)
    for (std::size_t i = 0, n = part.count(); i < n; ++i) {
      Rows const sample = less({part.columns, {part.row(i).begin(), part.row(i).end()}}, mean);
      for (std::size_t a = 0; a < directions.count(); ++a)
        made.numbers.push_back(static_cast<float>(dot(sample.row(0), directions.row(a))));
    }
  made.kind = io::SampleKind::features;
  made.sample_shape = {directions.count()};
  made.description = "along principal directions: " + about.description;
  return made;
}

}  // namespace

void add_data_principal(cli::App& data, Context& context) {
  auto const command =
      add_source(data, context, "principal", "Samples of another dataset along their principal directions",
                 "krate data principal mnist.h5 --label 2 -o twos.h5");
  auto const o = std::make_shared<PrincipalOptions>();
  command.app->add_option("data", o->data, "A dataset; images are the rows of numbers they are")
      ->required()
      ->option_text("FILE");
  command.app->add_option("--label", o->label, "Samples of this class alone")->option_text("INT [all]");
  command.app
      ->add_option("--directions", o->directions,
                   "So many numbers of a sample, at most; mean and directions are those of samples for training")
      ->option_text("INT [100]");
  command.app->callback([&context, o, output = command.output] {
    make_dataset(context, *output, [&] { return principal_samples(context.space(), *o); });
  });
}

}  // namespace krate::tools
