// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data corrupt: a dataset with wrong labels among its training samples.
#include <algorithm>

#include "krate/core/random.hpp"
#include "krate/core/require.hpp"
#include "krate/io/hdf5.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_corrupt = "krate::data corrupt";

/// The samples as the file has them: bytes stay bytes.
struct StoredSamples {
  std::vector<std::uint8_t> bytes{};
  std::vector<std::int32_t> integers{};
  std::vector<float> singles{};
  std::vector<double> doubles{};

  void read(std::string const& path, io::SampleKind kind, io::DatasetContents& contents) {
    auto const file = io::File::open(path);
    std::string const name = kind == io::SampleKind::images     ? "/samples/images"
                             : kind == io::SampleKind::features ? "/samples/features"
                                                                : "/samples/tokens";
    auto const info = file.info(name);
    auto const take = [&]<class T>(std::vector<T>& into) {
      into = file.read_all<T>(name);
      contents.samples = std::span<T const>(into);
    };
    if (kind == io::SampleKind::tokens) {
      take(integers);
    } else if (info.is_uint8()) {
      take(bytes);
    } else if (info.element == io::ElementClass::floating && info.element_bytes <= sizeof(float)) {
      take(singles);
    } else {
      take(doubles);
    }
  }
};

struct Corruption {
  std::string file{};
  double fraction = 0;
  std::int64_t seed = 0;
};

void corrupt(Corruption const& c, std::string const& output) {
  auto const data = io::Dataset::open(c.file);
  auto const& about = data.description();
  about.require_labels();
  require_value(about.label_size() == 1, in_data_corrupt, "labels", about.label_size(), "must be one a sample");
  std::vector<Label> labels(about.samples);
  data.read_labels(0, about.samples, labels);
  corrupt_labels(labels, about.indices(io::Subset::train), about.classes, c.fraction,
                 Seed{static_cast<std::uint64_t>(c.seed)});

  io::DatasetContents contents;
  StoredSamples stored;
  stored.read(c.file, about.kind, contents);
  contents.kind = about.kind;
  contents.sample_shape = about.sample_shape;
  contents.labels = labels;
  contents.split = about.split;
  contents.classes = about.classes;
  contents.scale = about.scale;
  contents.bias = about.bias;
  contents.axes = about.axes;
  contents.units = about.units;
  char note[160];
  std::snprintf(note, sizeof note, "%slabels of a fraction %g of the training samples drawn anew, seed %lld",
                about.description.empty() ? "" : "; ", c.fraction, static_cast<long long>(c.seed));
  contents.description = about.description + note;
  io::write_dataset(output, comm::Communicator(), contents);
}

}  // namespace

void corrupt_labels(std::span<Label> labels, std::vector<std::size_t> rows, std::int64_t classes, double fraction,
                    Seed seed) {
  // Which samples, and what they get: two streams, keyed by the row.
  Random const which(seed, 0xC0220), what(seed, 0xC0221);
  auto const count = static_cast<std::size_t>(fraction * static_cast<double>(rows.size()));
  std::sort(rows.begin(), rows.end(),
            [&](std::size_t a, std::size_t b) { return std::pair(which.bits(a), a) < std::pair(which.bits(b), b); });
  for (std::size_t i = 0; i < count; ++i)
    labels[rows[i]] = static_cast<Label>(what.below(rows[i], static_cast<std::uint64_t>(classes)));
}

void add_data_corrupt(cli::App& data, Context& context) {
  auto const command = add_source(data, context, "corrupt", "A dataset with wrong labels among its training samples",
                                  "krate data corrupt mnist.h5 --fraction 0.2 -o mnist20.h5");
  command.app->footer(
      "That share of the training samples is chosen at random, and each gets a label drawn from all classes, which "
      "can\n"
      "be its own. Test samples keep theirs. Example: krate data corrupt mnist.h5 --fraction 0.2 -o mnist20.h5");
  auto const o = std::make_shared<Corruption>();
  command.app->add_option("file", o->file, "Dataset file with labels")->required()->option_text("D.h5");
  command.app->add_option("--fraction", o->fraction, "Share of the training samples")
      ->required()
      ->option_text("NUMBER");
  command.app->add_option("--seed", o->seed, "Of choice and labels")->option_text("INT [0]");
  command.app->callback([&context, o, output = command.output] {
    context.comm().guarded([&] {
      require_value(o->fraction >= 0 && o->fraction <= 1, in_data_corrupt, "--fraction", o->fraction,
                    "must be between 0 and 1");
      require_value(o->seed >= 0, in_data_corrupt, "--seed", o->seed, "must not be negative");
      require_other(*output, {o->file});
      if (context.comm().is_root()) corrupt(*o, *output);
    });
    report_dataset(context, *output);
  });
}

}  // namespace krate::tools
