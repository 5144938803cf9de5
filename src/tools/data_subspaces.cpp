// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data subspaces: classes that lie on subspaces, as double numbers.

#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/subspaces.hpp"

namespace krate::tools {

namespace {

void write_subspaces(SubspaceOptions const& o, std::string const& path) {
  auto all = subspace_samples(o, 0);
  auto const test = subspace_samples(o, 1);
  std::vector<std::uint8_t> split(all.samples(), 0);
  split.resize(all.samples() + test.samples(), 1);
  all.rows.insert(all.rows.end(), test.rows.begin(), test.rows.end());
  all.labels.insert(all.labels.end(), test.labels.begin(), test.labels.end());
  io::DatasetContents contents;
  contents.kind = io::SampleKind::features;
  contents.sample_shape = {o.dim};
  contents.samples = std::span<double const>(all.rows);
  contents.labels = all.labels;
  contents.split = split;
  contents.classes = static_cast<std::int64_t>(o.dimensions.size());
  contents.description = "samples of subspaces; split 1 are other samples of the same subspaces";
  io::write_dataset(path, comm::Communicator(), contents);
}

}  // namespace

void add_data_subspaces(cli::App& data, Context& context) {
  auto const command = add_source(data, context, "subspaces", "Random samples of classes that lie on subspaces",
                                  "krate data subspaces --dim 50 --subspaces 3,4,5 --noise 1e-2 -o subspaces.h5");
  auto const o = std::make_shared<SubspaceOptions>();
  auto& app = *command.app;
  app.add_option("--dim", o->dim, "Numbers of a sample")->option_text("INT [50]");
  app.add_option("--subspaces", o->dimensions, "Dimension of each class's subspace")
      ->delimiter(',')
      ->option_text("INT,... [3,4,5]");
  app.add_option("--samples", o->samples, "Samples of each class, or of all; as many again for testing")
      ->delimiter(',')
      ->option_text("INT,... [500]");
  app.add_option("--noise", o->noise, "Mean square norm of normal noise")->option_text("NUMBER [0]");
  app.add_option("--difference", o->difference, "Classes share directions: this part of each class's is random instead")
      ->option_text("NUMBER [0.1]");
  app.add_flag("--orthogonal", o->orthogonal, "Subspaces are orthogonal to each other instead");
  app.add_option("--seed", o->seed, "Seed")->option_text("INT [1337]");
  app.callback([&context, o, output = command.output] {
    require_valid(*o, "krate::data subspaces");
    context.comm().guarded([&] {
      if (context.comm().is_root()) write_subspaces(*o, *output);
    });
    report_dataset(context, *output);
  });
}

}  // namespace krate::tools
