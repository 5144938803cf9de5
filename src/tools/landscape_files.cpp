// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "krate/io/hdf5.hpp"
#include "tools/files.hpp"
#include "tools/landscape.hpp"
#include "tools/png.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

using Columns = std::vector<std::vector<double>>;

/// Rows of different lengths as a table, NaN behind their ends; @return its width
std::size_t append_padded(Columns const& rows, std::vector<double>& table) {
  std::size_t width = 0;
  for (auto const& row : rows) width = std::max(width, row.size());
  for (auto const& row : rows) {
    table.insert(table.end(), row.begin(), row.end());
    table.resize(table.size() + width - row.size(), std::numeric_limits<double>::quiet_NaN());
  }
  return width;
}

void write_table(io::File& file, std::string const& path, Columns const& rows) {
  std::vector<double> table;
  std::size_t const width = append_padded(rows, table);
  file.write_replicated<double>(path, {rows.size(), width}, table);
}

template <class Of>
Columns collect(std::vector<LandscapeStart> const& starts, Of const& of) {
  Columns found;
  for (auto const& start : starts) found.push_back(of(start));
  return found;
}

template <class Of>
std::vector<double> numbers(std::vector<LandscapeStart> const& starts, Of const& of) {
  std::vector<double> found;
  for (auto const& start : starts) found.push_back(of(start));
  return found;
}

void write_form(io::File& file, LandscapeProblem const& problem, LandscapeForm const& form) {
  auto const& sizes = problem.rates.class_sizes;
  std::size_t const classes = sizes.size();
  Configuration about;
  about.set("problem", problem.constrained() ? "constrained" : "regularised");
  about.set("dim", problem.rates.dim);
  about.set("eps_squared", problem.rates.eps_squared);
  about.set("seed", problem.seed);
  about.set("scale", problem.scale);
  if (!problem.constrained()) {
    about.set("lambda", problem.lambda);
    about.set("lambda_max", form.lambda_max);
    about.set("lambda_glob", form.lambda_glob);
  } else {
    about.set("precision_ratio", form.precision_ratio);
    about.set("value_is_global", static_cast<std::int64_t>(form.is_global));
  }
  file.set_attributes("/", about);
  file.write_replicated<std::int64_t>("/class_sizes", {classes}, sizes);
  file.write_replicated<double>("/closed_form/sigma", {classes}, form.sigma);
  file.write_replicated<std::int64_t>("/closed_form/ranks", {classes}, form.ranks);
  if (!problem.constrained()) {
    file.write_replicated<double>("/closed_form/s_minus", {classes}, form.s_minus);
    file.write_replicated<double>("/closed_form/kappa", {classes}, form.kappa);
  }
  file.set_attribute("/closed_form", "value", form.value);
}

void write_hdf5(Context& context, Landscape const& l, std::string const& path) {
  auto const& starts = l.starts;
  auto const m = static_cast<std::size_t>(l.problem.rates.samples()), classes = l.problem.rates.class_sizes.size();
  auto file = io::File::create(path, context.comm());
  write_form(file, l.problem, l.form);
  std::vector<std::int64_t> ranks;
  std::vector<double> features;
  for (auto const& start : starts) {
    ranks.insert(ranks.end(), start.ranks.begin(), start.ranks.end());
    features.insert(features.end(), start.features.begin(), start.features.end());
  }
  write_table(file, "/starts/objective", collect(starts, [](auto const& s) { return s.objective; }));
  write_table(file, "/starts/gradient_norm", collect(starts, [](auto const& s) { return s.gradient_norm; }));
  file.write_replicated<double>("/starts/hessian_top", {starts.size()},
                                numbers(starts, [](auto const& s) { return s.hessian_top; }));
  file.write_replicated<double>("/starts/cross_cosine", {starts.size()},
                                numbers(starts, [](auto const& s) { return s.cross_cosine; }));
  file.write_replicated<std::int64_t>("/starts/ranks", {starts.size(), classes}, ranks);
  file.write_replicated<double>("/starts/features", {starts.size(), m, l.problem.rates.dim}, features);
  write_table(file, "/best/singular_values", starts[l.best].sigma);
  file.write_replicated<double>("/best/cosines", {m, m}, l.cosines);
  file.set_attribute("/best", "start", static_cast<std::int64_t>(l.best));
  file.commit();
}

std::string csv(std::vector<LandscapeStart> const& starts) {
  std::string text = "start,step,objective,gradient_norm\n";
  for (std::size_t i = 0; i < starts.size(); ++i)
    for (std::size_t step = 0; step < starts[i].objective.size(); ++step) {
      char line[96];
      std::snprintf(line, sizeof line, "%zu,%zu,%.17g,%.17g\n", i, step, starts[i].objective[step],
                    starts[i].gradient_norm[step]);
      text += line;
    }
  return text;
}

std::vector<Series> curves(Columns const& rows) {
  std::vector<Series> found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Series series{.name = rows.size() <= 6 ? "start " + std::to_string(i) : ""};
    for (std::size_t step = 0; step < rows[i].size(); ++step) series.x.push_back(static_cast<double>(step));
    series.y = rows[i];
    found.push_back(std::move(series));
  }
  return found;
}

std::string objective_chart(Landscape const& l) {
  auto series = curves(collect(l.starts, [](auto const& s) { return s.objective; }));
  double last = 1;
  for (auto const& s : series) last = std::max(last, s.x.back());
  series.push_back({.name = l.form.is_global ? "global maximum" : "equal spectra",
                    .x = {0, last},
                    .y = {l.form.value, l.form.value},
                    .colour = "#444444",
                    .dashed = true});
  char const* const title =
      l.problem.constrained() ? "Rate reduction R - R^c" : "Regularised rate reduction R - R^c - lambda/2 |Z|^2";
  return line_chart(series, {.title = title, .x_label = "step", .y_label = "nats"});
}

std::string norm_chart(Landscape const& l) {
  return line_chart(curves(collect(l.starts, [](auto const& s) { return s.gradient_norm; })),
                    {.title = "Norm of the gradient", .x_label = "step", .y_label = "norm", .log_y = true});
}

/// The value of the closed form is a dashed line in the colour of the class, as far as its singular values go.
std::string spectrum_chart(Landscape const& l) {
  std::vector<Series> series;
  auto const& sigma = l.starts[l.best].sigma;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    double const place = sigma.size() > 1 ? static_cast<double>(k) / static_cast<double>(sigma.size() - 1) : 0;
    Rgb const c = colour_of(0.1 + 0.7 * place);
    char colour[8];
    std::snprintf(colour, sizeof colour, "#%02x%02x%02x", c.r, c.g, c.b);
    Series found{.name = sigma.size() <= 12 ? "class " + std::to_string(k) : "", .colour = colour, .markers = true};
    for (std::size_t j = 0; j < sigma[k].size(); ++j) found.x.push_back(static_cast<double>(j + 1));
    found.y = sigma[k];
    series.push_back({.name = "",
                      .x = {1, found.x.back()},
                      .y = {l.form.sigma[k], l.form.sigma[k]},
                      .colour = colour,
                      .dashed = true});
    series.push_back(std::move(found));
  }
  return line_chart(series, {.title = "Singular values of each class (dashed: closed form)",
                             .x_label = "number",
                             .y_label = "singular value"});
}

}  // namespace

void write_landscape(Context& context, Landscape const& l, std::string const& directory) {
  write_hdf5(context, l, directory + "/landscape.h5");
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    write_file(directory + "/landscape.csv", csv(l.starts));
    write_file(directory + "/objective.svg", svg_file(objective_chart(l)));
    write_file(directory + "/gradient_norm.svg", svg_file(norm_chart(l)));
    write_file(directory + "/singular_values.svg", svg_file(spectrum_chart(l)));
    auto const m = static_cast<std::size_t>(l.problem.rates.samples());
    write_png(directory + "/cosines.png",
              enlarged(colour_image(l.cosines, m, m, 0, 1), std::max<std::size_t>(1, 600 / m)));
  });
}

}  // namespace krate::tools
