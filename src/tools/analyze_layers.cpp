// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze layers: coding rate and density of each block, of a model or of several side by side.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/analysis.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_analyze_layers = "krate::analyze";

struct AnalyzeLayersCommand {
  std::vector<std::string> models, data;
  std::string split, output;
  std::int64_t batch = 128;
  double eps_squared = 0.01;
};

struct MeasuredModel {
  std::string path, family;
  std::vector<LayerMeasure> layers{};
};

MeasuredModel measure_layers(Context& context, AnalyzeLayersCommand const& command, std::size_t which) {
  MeasuredModel found{command.models[which], {}};
  ModelArguments const arguments{found.path, command.data[command.data.size() > 1 ? which : 0], command.split,
                                 command.batch};
  with_model<LayerModels>(context, arguments, false, [&]<class Model>(ModelOnData<Model>& run) {
    LayerSamples samples(run.model.config().depth, run.model.config().heads);
    observe_blocks(run, run.mine(), [&](models::BlockView<Space, typename Model::Scalar> const& block) {
      samples.add(run.space, block, command.eps_squared);
    });
    found.family = Model::name;
    found.layers = samples.summary(run.comm);
  });
  return found;
}

/// A line a model, with the deviation over samples where there is one line.
template <class Value, class Spread>
std::string chart(std::vector<MeasuredModel> const& all, ChartOptions const& options, Value const& value,
                  Spread const& spread) {
  std::vector<Series> lines;
  for (auto const& m : all) {
    Series line{.name = all.size() > 1 ? m.family + ", " + m.path : options.title, .markers = true};
    for (std::size_t i = 0; i < m.layers.size(); ++i) {
      line.x.push_back(static_cast<double>(i + 1));
      line.y.push_back(value(m.layers[i]));
      if (all.size() == 1) line.spread.push_back(spread(m.layers[i]));
    }
    lines.push_back(line);
  }
  return line_chart(lines, options);
}

std::string layers_picture(std::vector<MeasuredModel> const& all) {
  ChartOptions const rate{.title = "Coding rate R^c by layer", .x_label = "layer", .y_label = "nats"},
      density{.title = "Density by layer", .x_label = "layer", .y_label = "part of the code that is not 0"};
  return stacked(
      {chart(
           all, rate, [](auto const& l) { return l.coding_rate; }, [](auto const& l) { return l.coding_rate_std; }),
       chart(
           all, density, [](auto const& l) { return l.density; }, [](auto const& l) { return l.density_std; })},
      rate);
}

Json layers_json(std::vector<LayerMeasure> const& layers) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    rows.push_back({{"layer", i + 1},
                    {"coding_rate", layers[i].coding_rate},
                    {"coding_rate_std", layers[i].coding_rate_std},
                    {"density", layers[i].density},
                    {"density_std", layers[i].density_std}});
  }
  return rows;
}

void print(Context& context, std::vector<MeasuredModel> const& all, std::string const& path) {
  if (context.json()) {
    if (all.size() == 1) return context.print_json({{"path", path}, {"layers", layers_json(all[0].layers)}});
    Json models = Json::array();
    for (auto const& m : all)
      models.push_back({{"path", m.path}, {"model", m.family}, {"layers", layers_json(m.layers)}});
    return context.print_json({{"path", path}, {"models", models}});
  }
  for (auto const& m : all) {
    if (all.size() > 1) context.print(m.family + ", " + m.path);
    context.print("layer    coding rate R^c           density");
    for (std::size_t i = 0; i < m.layers.size(); ++i) {
      char line[128];
      std::snprintf(line, sizeof line, "%5zu  %9.3f +- %7.3f   %6.4f +- %6.4f", i + 1, m.layers[i].coding_rate,
                    m.layers[i].coding_rate_std, m.layers[i].density, m.layers[i].density_std);
      context.print(line);
    }
  }
}

void analyze_layers(Context& context, AnalyzeLayersCommand const& command) {
  require_value(command.eps_squared > 0 && std::isfinite(command.eps_squared), in_analyze_layers, "--eps-squared",
                command.eps_squared, "must be positive and finite; 0.01 is usual");
  require_value(command.data.size() == 1 || command.data.size() == command.models.size(), in_analyze_layers, "--data",
                command.data.size(), "must be one file for all models, or one for each");
  std::vector<MeasuredModel> all;
  for (std::size_t i = 0; i < command.models.size(); ++i) all.push_back(measure_layers(context, command, i));
  std::string const path = command.output + "/layers.csv";
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    std::string table;
    if (all.size() == 1) {
      table = layers_csv(all[0].layers);
    } else {
      table = "model," + layers_csv({});
      for (auto const& m : all) table += layers_csv(m.layers, m.path);
    }
    make_directories(command.output, in_analyze_layers);
    write_file(path, table);
    write_file(command.output + "/layers.svg", svg_file(layers_picture(all)));
  });
  print(context, all, path);
}

}  // namespace

void add_analyze_layers(cli::App& analyze, Context& context) {
  auto* const app = analyze.add_subcommand("layers", "Coding rate and density of each block");
  auto const given = std::make_shared<AnalyzeLayersCommand>();
  app->add_option("models", given->models, "Model files or checkpoints")->required()->option_text("M.h5 ...");
  app->add_option("--data", given->data, "Dataset file: one for all models, or one for each, in their order")
      ->required()
      ->allow_extra_args(false)
      ->option_text("D.h5");
  app->add_option("--batch", given->batch, "Samples at a time")->option_text("INT [128]");
  app->add_option("--split", given->split, "Which samples: train, test or all [test where the file has it]")
      ->option_text("PART");
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  app->add_option("--eps-squared", given->eps_squared, "Squared distortion")->option_text("NUMBER [0.01]");
  context.add_json_flag(*app);
  app->footer(
      "Of crate, crate_alpha, the encoder of crate_mae, causal_crate, crate_bert, tost and tost_causal. The coding "
      "rate\n"
      "is that of the tokens' projections, head by head at unit length: onto the subspaces of MSSA, or onto what ToST\n"
      "takes its token statistics of. Density is that of the sparse code; of a ToST, which has none, that of the "
      "tokens\n"
      "behind a block. vit and gpt2 project tokens in three ways, and have no such rate.\n"
      "DIR/layers.csv: layer (from 1), coding_rate and density with their standard deviations over the samples; with\n"
      "several models a column model before. A picture of all beside, layers.svg.\n"
      "Examples: krate analyze layers run/model.h5 --data digits.h5 -o analysis\n"
      "          krate analyze layers crate/model.h5 tost/model.h5 --data digits.h5 -o family");
  app->callback([&context, given] { analyze_layers(context, *given); });
}

}  // namespace krate::tools
