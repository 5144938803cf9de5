// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze objective: does each layer climb the sparse rate reduction that it was derived from?
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "krate/analysis/layer_rates.hpp"
#include "krate/nn/layer_norm.hpp"
#include "krate/rate/sparse_rate_reduction.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/model_command.hpp"
#include "tools/output_maps.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

struct AnalyzeObjectiveCommand {
  ModelArguments arguments;
  std::string output;
  double eps_squared = 0.01;
  double lambda = -1;  ///< negative: the model's
  std::int64_t seed = 0;
  bool variants = false;
};

/// Where a block's tokens are looked at.
enum Place { input, attention, sparse, places };
constexpr char const* place_names[places] = {"input", "attention", "sparse"};

/// Means over samples of tokens at unit length, against the subspaces of their block.
struct Terms {
  double rate = 0, subspace_rate = 0, density = 0, objective = 0;
};
struct LayerTerms {
  Terms at[places];
  double cosine = 0;  ///< of the attention's step and the exact -grad R^c, both at the attention's own input
};
using Layers = std::vector<LayerTerms>;

/// Sums over the samples that it was shown.
template <class Model>
class ObjectiveSamples {
  using T = typename Model::Scalar;

 public:
  ObjectiveSamples(Model const& model, double eps_squared, double lambda)
      : model_(model), sums_(model.blocks().depth()) {
    auto const& config = model.blocks().config();
    options_ = {.eps_squared = eps_squared, .heads = config.heads, .lambda = lambda};
  }

  void add(Space const& space, models::BlockView<Space, T> const& block) {
    std::size_t const batch = block.tokens.extent(0), tokens = block.tokens.extent(1);
    auto const& config = model_.blocks().config();
    std::size_t const rates =
                          sparse_rate_reduction_workspace<T>(batch, tokens, config.dim, config.heads, config.head_dim),
                      bytes = rates + measure<Space>([&](auto&work) { Buffers(work, config, batch, tokens); });
    if (arena_.bytes() < bytes) arena_ = Arena<Space>(space, bytes, "krate::tools::objective");
    auto work = arena_.workspace();
    Buffers const b(work, config, batch, tokens);
    auto const& at = model_.blocks().block(block.index);
    auto const& list = model_.parameters();
    auto const u = list.value_matrix(at.projection);
    auto& sums = sums_[block.index];

    ConstTensor3<T, Space> const stages[places] = {block.input, block.residual, block.tokens};
    for (int place = 0; place < places; ++place) {
      analysis::unit_tokens(space, stages[place], b.unit);
      sparse_rate_reduction(space, b.unit, u, options_, work, b.parts);
      Terms& terms = sums.at[place];
      terms.rate += total(space, b.parts.rate);
      terms.subspace_rate += total(space, b.parts.subspace_rate);
      terms.density += total(space, b.parts.nonzeros) / static_cast<double>(tokens * config.dim);
      terms.objective += total(space, b.parts.value);
    }
    layer_norm(space, as_rows(block.input), list.value(at.norm_mssa_weight), list.value(at.norm_mssa_bias),
               LayerNormOptions{config.norm_eps}, as_rows(b.unit), b.mean, b.deviation);
    subspace_coding_rate_gradient(space, b.unit, u, {.eps_squared = options_.eps_squared, .heads = config.heads}, work,
                                  b.parts.rate, b.gradient, b.du);
    analysis::descent_cosine(space, block.input, block.residual, b.gradient, b.parts.value);
    sums.cosine += total(space, b.parts.value);
  }

  /// Collective: means over all ranks' samples.
  Layers means(comm::Communicator const& comm, std::size_t samples) const {
    Layers layers = sums_;
    std::span<double> const numbers(&layers.front().at[0].rate, layers.size() * sizeof(LayerTerms) / sizeof(double));
    comm.all_reduce(numbers);
    for (double& x : numbers) x /= static_cast<double>(samples);
    return layers;
  }

 private:
  struct Buffers {
    Tensor3<T, Space> unit, gradient;
    Vector<T, Space> mean, deviation;
    Matrix<T, Space> du;
    SparseRateParts<Vector<double, Space>> parts;
    template <class W>
    Buffers(W& work, models::BlockConfig const& c, std::size_t batch, std::size_t tokens)
        : unit(work.template take<T>(batch, tokens, c.dim)),
          gradient(work.template take<T>(batch, tokens, c.dim)),
          mean(work.template take<T>(batch * tokens)),
          deviation(work.template take<T>(batch * tokens)),
          du(work.template take<T>(c.inner(), c.dim)),
          parts{work.template take<double>(batch), work.template take<double>(batch), work.template take<double>(batch),
                work.template take<double>(batch), work.template take<double>(batch)} {}
  };

  static double total(Space const& space, Vector<double, Space> const& values) {
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space, Kokkos::HostSpace{}), values);
    space.fence("krate::tools::objective: the numbers are read");
    double sum = 0;
    for (std::size_t i = 0; i < host.extent(0); ++i) sum += host(i);
    return sum;
  }

  Model const& model_;
  SparseRateOptions options_;
  Layers sums_;
  Arena<Space> arena_;
};

template <class Model>
Layers measure(ModelOnData<Model>& run, Model const& model, double eps_squared, double lambda) {
  ObjectiveSamples<Model> samples(model, eps_squared, lambda);
  train::Inference<Model> inference(model, run.batch, run.arena.workspace());
  auto const mine = run.mine();
  inference.run(
      run.space, run.source, train::Part::train, mine, [](auto const&) {},
      [&](models::BlockView<Space, typename Model::Scalar> const& block) { samples.add(run.space, block); });
  return samples.means(run.comm, run.source.size(train::Part::train));
}

struct State {
  std::string name;
  Layers layers;
};

/// By how much a half of the block raised the objective.
double change(LayerTerms const& layer, int place) {
  return layer.at[place].objective - layer.at[place - 1].objective;
}

std::string objective_csv(std::vector<State> const& states) {
  std::string text = "state,layer,tokens,coding_rate,subspace_rate,density,objective,objective_change,cosine\n";
  for (auto const& state : states)
    for (std::size_t l = 0; l < state.layers.size(); ++l)
      for (int place = 0; place < places; ++place) {
        auto const& layer = state.layers[l];
        Terms const& t = layer.at[place];
        char line[256], changes[32] = "", cosine[32] = "";
        if (place > 0) std::snprintf(changes, sizeof changes, "%.12g", change(layer, place));
        if (place == attention) std::snprintf(cosine, sizeof cosine, "%.12g", layer.cosine);
        std::snprintf(line, sizeof line, "%s,%zu,%s,%.12g,%.12g,%.12g,%.12g,%s,%s\n", state.name.c_str(), l + 1,
                      place_names[place], t.rate, t.subspace_rate, t.density, t.objective, changes, cosine);
        text += line;
      }
  return text;
}

/// A line a state; it breaks between blocks, since each has subspaces of its own.
std::string objective_chart(std::vector<State> const& states) {
  std::vector<Series> lines;
  for (auto const& state : states) {
    Series line{.name = state.name};
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      for (int place = 0; place < places; ++place) {
        line.x.push_back(static_cast<double>(l) + 0.5 * place);
        line.y.push_back(state.layers[l].at[place].objective);
      }
      line.x.push_back(static_cast<double>(l) + 1);
      line.y.push_back(std::numeric_limits<double>::quiet_NaN());
    }
    line.markers = true;
    lines.push_back(line);
  }
  return line_chart(lines, {.title = "Sparse rate reduction through each block: input, attention, sparse coding",
                            .x_label = "layer",
                            .y_label = "nats"});
}

std::string cosine_chart(std::vector<State> const& states) {
  std::vector<Series> lines;
  for (auto const& state : states) {
    Series line{.name = state.name};
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      line.x.push_back(static_cast<double>(l + 1));
      line.y.push_back(state.layers[l].cosine);
    }
    line.markers = true;
    lines.push_back(line);
  }
  return line_chart(
      lines, {.title = "Attention's step and the exact descent of R^c", .x_label = "layer", .y_label = "cosine"});
}

Json objective_json(std::vector<State> const& states) {
  Json rows = Json::array();
  for (auto const& state : states)
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      auto const& layer = state.layers[l];
      Json row = {{"state", state.name}, {"layer", l + 1}, {"cosine", layer.cosine}};
      for (int place = 0; place < places; ++place) {
        Terms const& t = layer.at[place];
        row[place_names[place]] = {{"coding_rate", t.rate},
                                   {"subspace_rate", t.subspace_rate},
                                   {"density", t.density},
                                   {"objective", t.objective}};
      }
      rows.push_back(row);
    }
  return rows;
}

template <class Model>
void analyze_objective(Context& context, ModelOnData<Model>& run, AnalyzeObjectiveCommand const& command) {
  double const lambda = command.lambda < 0 ? run.model.blocks().config().lambda : command.lambda;
  require_value(run.model.blocks().depth() > 0, "krate::analyze", "depth", 0, "must be positive to have layers");
  Model const fresh(run.space, run.model.config(), Seed{static_cast<std::uint64_t>(command.seed)});
  std::vector<State> states;
  auto const add = [&](std::string const& name, Model const& model) {
    states.push_back({name, measure(run, model, command.eps_squared, lambda)});
  };
  add("initial", fresh);
  add("trained", run.model);
  for (auto const& map : command.variants ? output_maps_of(run.model) : std::vector<OutputMap>()) {
    add(std::string("initial ") + map.name, with_output_map(run.space, fresh, map));
    add(std::string("trained ") + map.name, with_output_map(run.space, run.model, map));
  }
  run.comm.guarded([&] {
    if (!run.comm.is_root()) return;
    make_directories(command.output, "krate::analyze");
    write_file(command.output + "/objective.csv", objective_csv(states));
    write_file(command.output + "/objective.svg", svg_file(objective_chart(states)));
    write_file(command.output + "/cosine.svg", svg_file(cosine_chart(states)));
  });
  if (context.json()) {
    return context.print_json({{"path", command.output + "/objective.csv"},
                               {"eps_squared", command.eps_squared},
                               {"lambda", lambda},
                               {"layers", objective_json(states)}});
  }
  context.print(
      "                           R(Z)  R^c(Z|U)  density  objective by attention  by sparse coding   cosine");
  for (auto const& state : states)
    for (std::size_t l = 0; l < state.layers.size(); ++l) {
      auto const& layer = state.layers[l];
      Terms const& out = layer.at[sparse];
      char line[160];
      std::snprintf(line, sizeof line, "%-16s %5zu  %10.3f %9.3f %8.4f %10.3f %+12.3f %+17.3f %+8.3f",
                    state.name.c_str(), l + 1, out.rate, out.subspace_rate, out.density, out.objective,
                    change(layer, attention), change(layer, sparse), layer.cosine);
      context.print(line);
    }
}

}  // namespace

void add_analyze_objective(cli::App& analyze, Context& context) {
  auto* const app = analyze.add_subcommand("objective", "Whether layers climb the sparse rate reduction");
  auto const given = std::make_shared<AnalyzeObjectiveCommand>();
  add_model_arguments(*app, given->arguments, true);
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  app->add_option("--eps-squared", given->eps_squared, "Squared distortion")->option_text("NUMBER [0.01]");
  app->add_option("--lambda", given->lambda, "Weight of |Z|_0 [the model's]")->option_text("NUMBER");
  app->add_option("--seed", given->seed, "Of the initial parameters to compare with")->option_text("INT [0]");
  app->add_flag("--variants", given->variants,
                "Also with other output maps behind attention: C is U^T as derived, N -U^T, T U, and the identity");
  context.add_json_flag(*app);
  app->footer(
      "DIR/objective.csv: before and after training, for the tokens that enter a block, leave its attention and leave\n"
      "its sparse coding, at unit length: R, R^c against the block's own subspaces, density, R - R^c - lambda |Z|_0 "
      "and\n"
      "its change; and the cosine between the attention's step and the exact -grad R^c at its input. Charts beside.\n"
      "Example: krate analyze objective run/model.h5 --data digits.h5 -o analysis");
  app->callback([&context, given] {
    require_value(given->eps_squared > 0 && std::isfinite(given->eps_squared), "krate::analyze", "--eps-squared",
                  given->eps_squared, "must be positive and finite; 0.01 is usual");
    require_value(given->lambda == -1 || (given->lambda >= 0 && std::isfinite(given->lambda)), "krate::analyze",
                  "--lambda", given->lambda, "must be finite and not negative");
    with_model<CrateModels>(context, given->arguments, false,
                            [&](auto& run) { analyze_objective(context, run, *given); });
  });
}

}  // namespace krate::tools
