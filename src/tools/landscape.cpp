// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/landscape.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/analysis/regularised_maximiser.hpp"
#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_landscape = "krate::analyze";

struct LandscapeCommand {
  std::string output, class_sizes = "20,30,40", ranks;
  std::int64_t dim = 30, starts = 4, iterations = 5000, seed = 0;
  double eps_squared = 0.5, lambda = 0, fraction = 0.1, scale = 1;
  cli::Option* given_lambda = nullptr;
  cli::Option* given_fraction = nullptr;
};

/// "20,30,40"
std::vector<std::int64_t> counts(char const* flag, std::string const& text) {
  std::vector<std::int64_t> found;
  for (char const *at = text.data(), *const end = at + text.size();;) {
    std::int64_t number = 0;
    auto const [stop, error] = std::from_chars(at, end, number);
    bool const good = error == std::errc() && number > 0 && number <= (1 << 20) && (stop == end || *stop == ',');
    require_value(good, in_landscape, flag, text, "must be positive whole numbers with commas between, like 20,30,40");
    found.push_back(number);
    if (stop == end) return found;
    at = stop + 1;
  }
}

LandscapeProblem problem_of(LandscapeCommand const& c) {
  LandscapeProblem problem{.rates = {0, counts("--class-sizes", c.class_sizes), c.eps_squared}};
  auto const& sizes = problem.rates.class_sizes;
  require_value(c.dim > 0 && c.dim <= 4000, in_landscape, "--dim", c.dim, "must be from 1 to 4000");
  require_value(sizes.size() > 1, in_landscape, "--class-sizes", c.class_sizes, "must name at least two classes");
  require_value(problem.rates.samples() <= 4000, in_landscape, "--class-sizes", c.class_sizes,
                "must add up to at most 4000 samples: each two of them are a point of the picture");
  double const moments = static_cast<double>(sizes.size()) * static_cast<double>(c.dim) * static_cast<double>(c.dim);
  require_value(moments <= (1 << 26), in_landscape, "--dim", c.dim,
                "is too large for so many classes: classes times dim^2 must be at most 2^26");
  require_value(c.eps_squared > 0 && std::isfinite(c.eps_squared), in_landscape, "--eps-squared", c.eps_squared,
                "must be positive and finite; 0.5 is usual");
  require_value(c.starts > 0 && c.starts <= 1000, in_landscape, "--starts", c.starts, "must be from 1 to 1000");
  require_value(c.iterations > 0, in_landscape, "--iterations", c.iterations, "must be positive");
  require_value(c.seed >= 0, in_landscape, "--seed", c.seed, "must not be negative");
  require_value(c.scale >= 0 && std::isfinite(c.scale), in_landscape, "--scale", c.scale,
                "must be finite and not negative");
  problem.rates.dim = static_cast<std::size_t>(c.dim);
  problem.starts = static_cast<std::size_t>(c.starts);
  problem.iterations = static_cast<std::size_t>(c.iterations);
  problem.seed = c.seed;
  problem.scale = c.scale;
  if (!c.ranks.empty()) {
    require_value(c.given_lambda->empty() && c.given_fraction->empty(), in_landscape, "--ranks", c.ranks,
                  "cannot stand beside --lambda or --lambda-fraction: the constrained problem has no penalty");
    require_value(c.scale > 0, in_landscape, "--scale", c.scale, "must be positive with --ranks: 0 has no direction");
    problem.bounds = counts("--ranks", c.ranks);
    require_value(problem.bounds.size() == sizes.size(), in_landscape, "--ranks", c.ranks,
                  "must have a number a class");
    return problem;
  }
  double const most = analysis::largest_lambda(problem.rates);
  require_value(c.fraction > 0 && c.fraction < 1, in_landscape, "--lambda-fraction", c.fraction,
                "must be above 0 and below 1, where the largest class has no maximiser but 0");
  problem.lambda = c.given_lambda->empty() ? c.fraction * most : c.lambda;
  require_value(problem.lambda > 0 && problem.lambda < most, in_landscape, "--lambda", problem.lambda,
                ("must be above 0 and below lambda_max = " + krate::impl::value_text(most)).c_str());
  return problem;
}

Json start_json(LandscapeStart const& start) {
  return {{"steps", start.objective.size() - 1},
          {"converged", start.converged},
          {"objective", start.objective.back()},
          {"gradient_norm", start.gradient_norm.back()},
          {"ranks", start.ranks},
          {"hessian_top", start.hessian_top},
          {"cross_cosine", start.cross_cosine}};
}

Json result_json(Landscape const& l, std::string const& path) {
  Json classes = Json::array(), starts = Json::array();
  for (std::size_t k = 0; k < l.form.sigma.size(); ++k)
    classes.push_back({{"samples", l.problem.rates.class_sizes[k]},
                       {"sigma", l.form.sigma[k]},
                       {"rank", l.form.ranks[k]},
                       {"singular_values", l.starts[l.best].sigma[k]}});
  for (auto const& start : l.starts) starts.push_back(start_json(start));
  Json result{{"path", path},
              {"problem", l.problem.constrained() ? "constrained" : "regularised"},
              {"dim", l.problem.rates.dim},
              {"eps_squared", l.problem.rates.eps_squared}};
  if (l.problem.constrained()) {
    result["precision_ratio"] = l.form.precision_ratio;
    result["value_is_global"] = l.form.is_global;
  } else {
    result["lambda"] = l.problem.lambda;
    result["lambda_max"] = l.form.lambda_max;
    result["lambda_glob"] = l.form.lambda_glob;
  }
  result["value"] = l.form.value;
  result["classes"] = classes;
  result["best"] = l.best;
  result["starts"] = starts;
  return result;
}

std::string rank_text(std::vector<std::int64_t> const& ranks) {
  std::string text;
  for (auto const rank : ranks) text += (text.empty() ? "" : ",") + std::to_string(rank);
  return text;
}

void show(Context& context, Landscape const& l, std::string const& path) {
  auto const line = [&](char const* format, auto... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    context.print(text);
  };
  auto const& best = l.starts[l.best];
  if (l.problem.constrained()) {
    line("|Z_k|^2 = samples, ranks bounded: R - R^c is at most %.6f%s", l.form.value,
         l.form.is_global ? "" : " with equal spectra, which need not be best at so low a precision");
  } else {
    line("lambda %.6g of at most %.6g: F is at most %.6f, with ranks %s", l.problem.lambda, l.form.lambda_max,
         l.form.value, rank_text(l.form.ranks).c_str());
  }
  context.print("class  samples  closed form   singular values of the best start");
  for (std::size_t k = 0; k < l.form.sigma.size(); ++k) {
    auto const rank = static_cast<std::size_t>(best.ranks[k]);
    if (rank == 0) {
      line("%5zu  %7lld  %11.6f   none", k, static_cast<long long>(l.problem.rates.class_sizes[k]), l.form.sigma[k]);
    } else {
      line("%5zu  %7lld  %11.6f   %zu from %.6f to %.6f", k, static_cast<long long>(l.problem.rates.class_sizes[k]),
           l.form.sigma[k], rank, best.sigma[k][rank - 1], best.sigma[k][0]);
    }
  }
  context.print("start  steps    objective  |gradient|  Hessian top  cross |cos|  ranks");
  for (std::size_t i = 0; i < l.starts.size(); ++i) {
    auto const& s = l.starts[i];
    char top[16] = "-";
    if (std::isfinite(s.hessian_top)) std::snprintf(top, sizeof top, "%.1e", s.hessian_top);
    line("%5zu  %5zu  %11.6f  %10.1e  %11s  %11.1e  %s%s", i, s.objective.size() - 1, s.objective.back(),
         s.gradient_norm.back(), top, s.cross_cosine, rank_text(s.ranks).c_str(),
         s.converged ? "" : " (not converged)");
  }
  context.print(path +
                " and, beside it, landscape.csv, objective.svg, gradient_norm.svg, singular_values.svg, "
                "cosines.png");
}

void run(Context& context, LandscapeCommand const& command) {
  LandscapeProblem const problem = problem_of(command);
  landscape_form(problem);  // says what is wrong before anything is started
  auto const landscape = climb_landscape(context, problem);
  context.comm().guarded([&] {
    if (context.comm().is_root()) make_directories(command.output, in_landscape);
  });
  write_landscape(context, landscape, command.output);
  std::string const path = command.output + "/landscape.h5";
  if (context.json()) return context.print_json(result_json(landscape, path));
  show(context, landscape, path);
}

}  // namespace

void add_landscape(cli::App& analyze, Context& context) {
  auto* const app = analyze.add_subcommand(
      "landscape", "Climb a rate reduction from random starts, beside what theory says of the ends");
  auto const c = std::make_shared<LandscapeCommand>();
  app->add_option("--dim", c->dim, "Length of a feature")->option_text("INT [30]");
  app->add_option("--class-sizes", c->class_sizes, "Samples of each class")->option_text("INT,INT,... [20,30,40]");
  app->add_option("--eps-squared", c->eps_squared, "Squared distortion")->option_text("NUMBER [0.5]");
  c->given_lambda = app->add_option("--lambda", c->lambda, "Weight of the penalty lambda/2 |Z|^2");
  c->given_lambda->option_text("NUMBER");
  c->given_fraction = app->add_option("--lambda-fraction", c->fraction,
                                      "The same as a part of lambda_max, above which nothing is known");
  c->given_fraction->option_text("NUMBER [0.1]")->excludes(c->given_lambda);
  app->add_option(
         "--ranks", c->ranks,
         "Largest rank of each class: climb the constrained problem |Z_k|^2 = samples instead, without penalty")
      ->option_text("INT,INT,...");
  app->add_option("--starts", c->starts, "How many starts, normal numbers each")->option_text("INT [4]");
  app->add_option("--scale", c->scale, "Standard deviation of a start's numbers; small ones lose their rank")
      ->option_text("NUMBER [1]");
  app->add_option("--iterations", c->iterations, "Most steps of a start")->option_text("INT [5000]");
  app->add_option("--seed", c->seed, "Seed of the starts")->option_text("INT [0]");
  app->add_option("-o,--output", c->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  context.add_json_flag(*app);
  app->footer(
      "F = R - R^c - lambda/2 |Z|^2 of features Z, in nats; the steps are 1/alpha long (2/alpha with --ranks) and end "
      "at a\n"
      "gradient norm of 1e-9. DIR/landscape.h5: attributes dim, eps_squared, lambda, lambda_max, lambda_glob, seed, "
      "scale\n"
      "(precision_ratio and value_is_global with --ranks); /class_sizes; /closed_form/{sigma, ranks, s_minus, kappa}, "
      "attribute\n"
      "value; /starts/{objective, gradient_norm [starts, steps + 1], hessian_top, cross_cosine, ranks, features}; "
      "/best/{singular_values,\n"
      "cosines}. DIR/landscape.csv: start, step, objective, gradient_norm. Beside: cosines.png (|cos| between all "
      "samples\n"
      "at the end of the best start) and the charts objective.svg, gradient_norm.svg, singular_values.svg.\n"
      "Example: krate analyze landscape --dim 30 --class-sizes 20,30,40 --lambda-fraction 0.1 -o landscape");
  app->callback([&context, c] { run(context, *c); });
}

}  // namespace krate::tools
