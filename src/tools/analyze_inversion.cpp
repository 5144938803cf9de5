// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze inversion: does a masked autoencoder's decoder undo its encoder, layer by layer?
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/linalg/elementwise.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/model_command.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

template <class T>
using MaskedModels = std::tuple<models::CrateMae<Space, T>>;

struct AnalyzeInversionCommand {
  ModelArguments arguments;
  std::string output;
  std::int64_t seed = 0;
};

/// How far the tokens of two layers are apart, over samples.
struct Distance {
  double error = 0, error_std = 0;  ///< |Z - Z'| / |Z|: mean, population standard deviation
  double cosine = 0;                ///< mean
};

struct InversionState {
  std::string name;
  std::vector<Distance> layers{};  ///< 0: the input of the first block
};

/// Sums over samples of what a Distance is the mean of.
struct Sums {
  double error = 0, square = 0, cosine = 0;
  void add(double apart, double inner, double here, double there) {
    double const e = std::sqrt(apart / here);
    error += e;
    square += e * e;
    cosine += inner / std::sqrt(here * there);
  }
};

/// Tokens [batch, tokens, dim] in host memory, as rows of samples.
template <class T>
std::vector<T> on_host(Space const& space, Tensor3<T, Space> const& tokens) {
  std::vector<T> host(tokens.size());
  Kokkos::deep_copy(space, Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(host.data(), host.size()),
                    Vector<T, Space>(tokens.data(), tokens.size()));
  space.fence("krate::tools::inversion: tokens are read");
  return host;
}

template <class T>
void compare(std::vector<T> const& here, std::vector<T> const& there, std::size_t samples, Sums& sums) {
  std::size_t const size = here.size() / samples;
  for (std::size_t i = 0; i < samples; ++i) {
    double apart = 0, inner = 0, a2 = 0, b2 = 0;
    for (std::size_t k = i * size; k < (i + 1) * size; ++k) {
      double const a = static_cast<double>(here[k]), b = static_cast<double>(there[k]);
      apart += (a - b) * (a - b);
      inner += a * b;
      a2 += a * a;
      b2 += b * b;
    }
    sums.add(apart, inner, a2, b2);
  }
}

/// Layer by layer, with no patch removed.
template <class Model>
std::vector<Distance> distances(ModelOnData<Model>& run, Model const& model) {
  using T = typename Model::Scalar;
  auto const& c = model.config();
  auto const cut = [&](auto& work, std::size_t count) {
    return std::tuple(work.template take<T>(count, c.channels, c.image_size.height, c.image_size.width),
                      work.template take<Label>(count), work.template take<bool>(count, c.patches()));
  };
  auto const pass = models::Pass::training;  // it keeps all tokens
  Arena<Space> const arena(run.space,
                           model.plan(run.batch, pass) + measure<Space>([&](auto& work) { cut(work, run.batch); }),
                           "krate::tools::inversion");
  typename Model::State state;
  std::vector<Sums> sums(c.depth + 1);
  auto const samples = run.mine();
  for (std::size_t first = 0; first < samples.size(); first += run.batch) {
    std::size_t const count = std::min(run.batch, samples.size() - first);
    auto work = arena.workspace();
    auto const [images, labels, removed] = cut(work, count);
    model.cut(work, count, pass, state);
    run.source.fill(run.space, train::Part::train, std::span(samples).subspan(first, count), images, labels);
    fill(run.space, removed, false);
    model.forward(run.space, images, removed, state, work);
    for (std::size_t l = 0; l <= c.depth; ++l)
      compare(on_host(run.space, state.encoder.tokens[l]), on_host(run.space, state.decoder.tokens[c.depth - l]), count,
              sums[l]);
  }
  double const total = static_cast<double>(run.source.size(train::Part::train));
  std::vector<Distance> found;
  for (auto& s : sums) {
    std::array<double, 3> all{s.error, s.square, s.cosine};
    run.comm.all_reduce(std::span<double>(all));
    double const mean = all[0] / total;
    found.push_back({mean, std::sqrt(std::max(0.0, all[1] / total - mean * mean)), all[2] / total});
  }
  return found;
}

std::string csv(std::vector<InversionState> const& states) {
  std::string text = "state,layer,relative_error,relative_error_std,cosine\n";
  for (auto const& state : states)
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      auto const& d = state.layers[l];
      char line[128];
      std::snprintf(line, sizeof line, "%s,%zu,%.12g,%.12g,%.12g\n", state.name.c_str(), l, d.error, d.error_std,
                    d.cosine);
      text += line;
    }
  return text;
}

std::string chart(std::vector<InversionState> const& states, ChartOptions const& options, double Distance::*value) {
  std::vector<Series> lines;
  for (auto const& state : states) {
    Series line{.name = state.name, .markers = true};
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      line.x.push_back(static_cast<double>(l));
      line.y.push_back(state.layers[l].*value);
    }
    lines.push_back(line);
  }
  return line_chart(lines, options);
}

template <class Model>
void analyze_inversion(Context& context, ModelOnData<Model>& run, AnalyzeInversionCommand const& command) {
  auto const& c = run.model.config();
  require_value(
      c.depth == c.decoder_depth, "krate::analyze", "decoder_depth", c.decoder_depth,
      ("must be the encoder's depth, " + std::to_string(c.depth) + ", for its layers to be inverses").c_str());
  std::vector<InversionState> states;
  states.push_back({"initial", distances(run, Model(run.space, c, Seed{static_cast<std::uint64_t>(command.seed)}))});
  states.push_back({"trained", distances(run, run.model)});
  std::string const path = command.output + "/inversion.csv";
  run.comm.guarded([&] {
    if (!run.comm.is_root()) return;
    make_directories(command.output, "krate::analyze");
    write_file(path, csv(states));
    ChartOptions const error{
        .title = "Encoder and decoder apart", .x_label = "encoder layer", .y_label = "relative error"},
        cosine{.title = "Encoder and decoder: angle", .x_label = "encoder layer", .y_label = "cosine"};
    write_file(
        command.output + "/inversion.svg",
        svg_file(stacked({chart(states, error, &Distance::error), chart(states, cosine, &Distance::cosine)}, error)));
  });
  if (context.json()) {
    Json rows = Json::array();
    for (auto const& state : states)
      for (std::size_t l = 0; l < state.layers.size(); ++l) {
        auto const& d = state.layers[l];
        rows.push_back({{"state", state.name}, {"layer", l}, {"relative_error", d.error}, {"cosine", d.cosine}});
      }
    return context.print_json({{"path", path}, {"layers", rows}});
  }
  context.print("            layer   |Z - Z'| / |Z|    cosine");
  for (auto const& state : states)
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      auto const& d = state.layers[l];
      char line[96];
      std::snprintf(line, sizeof line, "%-8s  %7zu  %7.4f +- %6.4f  %+8.4f", state.name.c_str(), l, d.error,
                    d.error_std, d.cosine);
      context.print(line);
    }
}

}  // namespace

void add_analyze_inversion(cli::App& analyze, Context& context) {
  auto* const app =
      analyze.add_subcommand("inversion", "Whether a CRATE-MAE's decoder undoes its encoder, layer by layer");
  auto const given = std::make_shared<AnalyzeInversionCommand>();
  add_model_arguments(*app, given->arguments, true);
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  app->add_option("--seed", given->seed, "Of the initial parameters to compare with")->option_text("INT [0]");
  context.add_json_flag(*app);
  app->footer(
      "Of crate_mae with as many decoder blocks as encoder blocks; no patch is removed. Layer l compares the "
      "encoder's\n"
      "tokens Z behind l blocks with the decoder's Z' behind all but l: by the derivation each decoder block undoes "
      "an\n"
      "encoder block. Between the last of them stands a norm, which is all that layer L (the depth) shows.\n"
      "DIR/inversion.csv: before and after training, |Z - Z'| / |Z| and the cosine, means over samples; a chart "
      "beside.\n"
      "Example: krate analyze inversion run/model.h5 --data digits.h5 -o inversion");
  app->callback([&context, given] {
    with_model<MaskedModels>(context, given->arguments, false,
                             [&](auto& run) { analyze_inversion(context, run, *given); });
  });
}

}  // namespace krate::tools
