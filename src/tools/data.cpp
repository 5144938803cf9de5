// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data: makes datasets.
#include "tools/data.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "krate/core/random.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/subspaces.hpp"

namespace krate::tools {

namespace {

// Places in [0, count) in an order that is the same everywhere and has nothing to do with the order of the file.
void shuffle(std::vector<std::size_t>& rows) {
  Random const random(Seed{0}, /*stream=*/0x5b117);
  std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return random.bits(a) < random.bits(b); });
}

}  // namespace

std::vector<std::uint8_t> stratified_split(std::span<Label const> labels) {
  std::vector<std::uint8_t> split(labels.size(), 0);
  if (labels.size() < 2) return split;
  struct Class {
    std::vector<std::size_t> rows{};
    std::size_t test = 0, rest = 0;  // rest: of the division by 5
  };
  std::map<Label, Class> by_label;
  for (std::size_t i = 0; i < labels.size(); ++i) by_label[labels[i]].rows.push_back(i);
  std::vector<Class*> classes;
  std::size_t left = (labels.size() + 4) / 5;  // test samples still to be given out
  for (auto& [label, c] : by_label) {
    c.test = c.rows.size() / 5;
    c.rest = c.rows.size() % 5;
    left -= c.test;
    classes.push_back(&c);
  }
  std::stable_sort(classes.begin(), classes.end(), [](Class* a, Class* b) { return a->rest > b->rest; });
  for (std::size_t i = 0; i < left; ++i) ++classes[i]->test;
  for (auto* c : classes) {
    shuffle(c->rows);
    for (std::size_t i = 0; i < c->test; ++i) split[c->rows[i]] = 1;
  }
  return split;
}

DataCommand add_source(cli::App& data, Context& context, std::string const& name, std::string const& description,
                       std::string const& example) {
  auto* const app = data.add_subcommand(name, description);
  app->footer("Example: " + example);
  auto output = std::make_shared<std::string>();
  app->add_option("-o,--output", *output, "The dataset file to make (HDF5); an older one is replaced")
      ->required()
      ->option_text("D.h5");
  context.add_json_flag(*app);
  return {app, output};
}

void make_dataset(Context& context, std::string const& output, FunctionRef<NewDataset()> read) {
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    NewDataset const made = read();
    io::DatasetContents contents;
    contents.kind = made.kind;
    contents.sample_shape = made.sample_shape;
    if (made.bytes.empty()) {
      contents.samples = std::span<float const>(made.numbers);
    } else {
      contents.samples = std::span<std::uint8_t const>(made.bytes);
    }
    contents.labels = made.labels;
    contents.split = made.split;
    contents.label_shape = made.label_shape;
    contents.classes = made.classes;
    if (!made.labels.empty() && made.classes == 0)
      contents.classes = *std::max_element(made.labels.begin(), made.labels.end()) + std::int64_t(1);
    if (made.kind != io::SampleKind::tokens) {
      contents.scale = {made.scale};
      contents.bias = {made.bias};
    }
    contents.description = made.description;
    io::write_dataset(output, comm::Communicator(), contents);
  });
  report_dataset(context, output);
}

void report_dataset(Context& context, std::string const& path) {
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    auto const made = io::Dataset::open(path).description();
    std::size_t const test = made.has_split() ? made.indices(io::Subset::test).size() : 0;
    if (context.json()) {
      context.print_json(Json{{"path", path},
                              {"samples", made.samples},
                              {"shape", made.sample_shape},
                              {"classes", made.classes},
                              {"train", made.samples - test},
                              {"test", test}});
      return;
    }
    std::string shape;
    for (auto const extent : made.sample_shape) shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
    context.print(path + ": " + std::to_string(made.samples) + " samples of " + shape + ", " +
                  std::to_string(made.classes) + " classes, " + std::to_string(made.samples - test) +
                  " for training and " + std::to_string(test) + " for testing");
  });
}

void add_data(cli::App& app, Context& context) {
  auto* const data = app.add_subcommand(
      "data", "Make a dataset: digits, mnist, cifar10, images, csv, text, subspaces, manifold or corrupt");
  data->footer("Example: krate data digits -o digits.h5");
  data->require_subcommand(1);
  add_data_digits(*data, context);
  add_data_mnist(*data, context);
  add_data_cifar10(*data, context);
  add_data_images(*data, context);
  add_data_csv(*data, context);
  add_data_text(*data, context);
  add_data_subspaces(*data, context);
  add_data_manifold(*data, context);
  add_data_principal(*data, context);
  add_data_corrupt(*data, context);
}

}  // namespace krate::tools
