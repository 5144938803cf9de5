// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/denoise.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/analysis/subspace_mixture.hpp"
#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/files.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_denoise = "krate::analyze";

struct DenoiseCommand {
  std::string output;
  std::int64_t dim = 48, subspaces = 4, width = 8, samples = 512, seed = 0;
  double eps_squared = 0.5;
  std::vector<double> sigmas{0.01, 0.02, 0.05, 0.1};
};

DenoiseProblem problem_of(DenoiseCommand const& c) {
  constexpr std::int64_t most = 4096;
  require_value(c.dim > 0 && c.dim <= most, in_denoise, "--dim", c.dim, "must be from 1 to 4096");
  require_value(c.subspaces > 0 && c.subspaces <= c.dim, in_denoise, "--subspaces", c.subspaces,
                "must be from 1 to the dimension");
  require_value(c.width > 0 && c.width <= c.dim / c.subspaces, in_denoise, "--width", c.width,
                "must be positive, and --subspaces times --width at most --dim: the subspaces are orthogonal");
  require_value(c.samples > 0 && c.samples <= most, in_denoise, "--samples", c.samples,
                "must be from 1 to 4096: all attend to all");
  require_value(c.eps_squared > 0 && std::isfinite(c.eps_squared), in_denoise, "--eps-squared", c.eps_squared,
                "must be positive and finite; 0.5 is usual");
  require_value(c.seed >= 0, in_denoise, "--seed", c.seed, "must not be negative");
  for (double const sigma : c.sigmas)
    require_value(sigma >= 1e-6 && sigma <= 1e6, in_denoise, "--sigmas", sigma, "must be from 1e-6 to 1e6 each");
  auto const size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  return {size(c.dim), size(c.subspaces), size(c.width), size(c.samples), c.eps_squared, c.sigmas, c.seed};
}

/// Of the relative error, by least squares.
double slope_of(std::vector<DenoiseMeasure> const& measures) {
  std::vector<double> sigmas, errors;
  for (auto const& m : measures) {
    sigmas.push_back(m.sigma);
    errors.push_back(m.relative_error);
  }
  return analysis::power_of(sigmas, errors);
}

std::string csv(std::vector<DenoiseMeasure> const& measures) {
  std::string text = "sigma,relative_error,cosine_mssa,cosine_step\n";
  for (auto const& m : measures) {
    char line[128];
    std::snprintf(line, sizeof line, "%.17g,%.17g,%.17g,%.17g\n", m.sigma, m.relative_error, m.cosine_mssa,
                  m.cosine_step);
    text += line;
  }
  return text;
}

std::string chart(std::vector<DenoiseMeasure> const& measures) {
  Series error{.name = "relative error", .markers = true}, square{.name = "sigma squared", .dashed = true};
  for (auto const& m : measures) {
    error.x.push_back(m.sigma);
    error.y.push_back(m.relative_error);
    square.x.push_back(m.sigma);
    square.y.push_back(m.sigma * m.sigma);
  }
  return line_chart({error, square}, {.title = "Soft projection beside the posterior mean",
                                      .x_label = "sigma",
                                      .y_label = "relative error",
                                      .log_x = true,
                                      .log_y = true});
}

void run(Context& context, DenoiseCommand const& command) {
  DenoiseProblem const problem = problem_of(command);
  auto const measures = measure_denoising(context.space(), problem);
  std::string const path = command.output + "/denoise.csv";
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    make_directories(command.output, in_denoise);
    write_file(path, csv(measures));
    write_file(command.output + "/denoise.svg", svg_file(chart(measures)));
  });
  double const slope = slope_of(measures);
  if (context.json()) {
    Json rows = Json::array();
    for (auto const& m : measures)
      rows.push_back({{"sigma", m.sigma},
                      {"relative_error", m.relative_error},
                      {"cosine_mssa", m.cosine_mssa},
                      {"cosine_step", m.cosine_step}});
    return context.print_json({{"path", path},
                               {"dim", problem.dim},
                               {"subspaces", problem.subspaces},
                               {"width", problem.width},
                               {"samples", problem.samples},
                               {"eps_squared", problem.eps_squared},
                               {"slope", slope},
                               {"sigmas", rows}});
  }
  context.print("     sigma  relative error  cos(MSSA, -dR^c)  cos(step, -dR^c)");
  for (auto const& m : measures) {
    char line[96];
    std::snprintf(line, sizeof line, "%10.4g  %14.4e  %16.6f  %16.6f", m.sigma, m.relative_error, m.cosine_mssa,
                  m.cosine_step);
    context.print(line);
  }
  char line[96];
  std::snprintf(line, sizeof line, "the relative error goes as sigma^%.3f", slope);
  context.print(line);
  context.print(path + " and, beside it, denoise.svg");
}

}  // namespace

void add_denoise(cli::App& analyze, Context& context) {
  auto* const app =
      analyze.add_subcommand("denoise", "Noise on orthogonal subspaces: soft projections and MSSA beside what is best");
  auto const c = std::make_shared<DenoiseCommand>();
  app->add_option("--dim", c->dim, "Length of a sample")->option_text("INT [48]");
  app->add_option("--subspaces", c->subspaces, "How many orthogonal subspaces, of equal weight")
      ->option_text("INT [4]");
  app->add_option("--width", c->width, "Dimension of each")->option_text("INT [8]");
  app->add_option("--sigmas", c->sigmas, "Standard deviations of the noise")
      ->option_text("NUMBER ... [0.01 0.02 0.05 0.1]");
  app->add_option("--samples", c->samples, "How many samples; they are the tokens of one sequence")
      ->option_text("INT [512]");
  app->add_option("--eps-squared", c->eps_squared, "Squared distortion of R^c")->option_text("NUMBER [0.5]");
  app->add_option("--seed", c->seed, "Seed of subspaces, samples and noise")->option_text("INT [0]");
  app->add_option("-o,--output", c->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  context.add_json_flag(*app);
  app->footer(
      "A sample is a standard normal vector of one of the subspaces U_k and sigma times normal noise.\n"
      "DIR/denoise.csv: sigma; relative_error, of sum_k pi_k U_k U_k^T x, pi = softmax_k(|U_k^T x|^2 / (2 sigma^2)),\n"
      "beside the posterior mean E[z | x], norms over all samples; cosine_mssa, between MSSA(x) as models compute it\n"
      "(softmax of W W^T / sqrt(width), W = x U_k^T) and -dR^c/dx; cosine_step, the same of gamma MSSA(x) - x, the\n"
      "first-order step, gamma = width / (samples eps_squared). The slope is that of log relative_error in log sigma.\n"
      "A chart beside: denoise.svg. Example: krate analyze denoise --sigmas 0.01 0.03 0.1 -o denoise");
  app->callback([&context, c] { run(context, *c); });
}

}  // namespace krate::tools
