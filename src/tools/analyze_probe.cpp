// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze probe: what simple classifiers find in a model's features.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/analysis/class_geometry.hpp"
#include "krate/analysis/regularised_maximiser.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/probe.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

/// Singular values of the features of each class, beside what theory says of them.
struct Spectrum {
  Label label;
  std::size_t samples;
  std::vector<double> values;
  double sigma;  ///< NaN: nothing is known
};

std::vector<Spectrum> spectra_of(Space const& space, ProbeSamples const& reference, std::size_t classes,
                                 std::optional<Mcr2Objective> const& mcr2) {
  auto const& features = reference.features;
  std::vector<Spectrum> found;
  std::vector<double> sorted;
  analysis::RateProblem problem{
      .dim = features.columns, .class_sizes = {}, .eps_squared = mcr2 ? mcr2->eps_squared : 1};
  for (Label k = 0; k < static_cast<Label>(classes); ++k) {
    std::size_t const before = sorted.size();
    for (std::size_t i = 0; i < reference.labels.size(); ++i) {
      if (reference.labels[i] == k) sorted.insert(sorted.end(), features.row(i).begin(), features.row(i).end());
    }
    std::size_t const samples = (sorted.size() - before) / features.columns;
    if (samples == 0) continue;
    found.push_back({k, samples, {}, std::numeric_limits<double>::quiet_NaN()});
    problem.class_sizes.push_back(static_cast<std::int64_t>(samples));
  }
  Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> const host(
      sorted.data(), sorted.size() / features.columns, features.columns);
  auto const z = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space, Space::memory_space{}), host);
  auto const values = analysis::class_singular_values(space, z, problem.class_sizes);
  for (std::size_t i = 0; i < found.size(); ++i) found[i].values = values[i];
  bool const known = mcr2 && mcr2->frobenius > 0 && found.size() > 1 && mcr2->frobenius < largest_lambda(problem);
  if (!known) return found;
  auto const theory = analysis::regularised_maximiser(problem, mcr2->frobenius);
  for (std::size_t i = 0; i < found.size(); ++i) found[i].sigma = theory.classes[i].sigma;
  return found;
}

std::string spectrum_csv(std::vector<Spectrum> const& spectra) {
  std::string text = "class,samples,index,singular_value,sigma\n";
  for (auto const& s : spectra) {
    char sigma[32] = "", line[128];
    if (std::isfinite(s.sigma)) std::snprintf(sigma, sizeof sigma, "%.12g", s.sigma);
    for (std::size_t i = 0; i < s.values.size(); ++i) {
      std::snprintf(line, sizeof line, "%d,%zu,%zu,%.12g,%s\n", s.label, s.samples, i + 1, s.values[i], sigma);
      text += line;
    }
  }
  return text;
}

std::string spectrum_chart(std::vector<Spectrum> const& spectra) {
  std::vector<Series> lines;
  double width = 1;
  for (auto const& s : spectra) {
    Series line{.name = "class " + std::to_string(s.label)};
    for (std::size_t i = 0; i < s.values.size(); ++i) line.x.push_back(static_cast<double>(i + 1));
    line.y = s.values;
    line.markers = true;
    width = std::max(width, static_cast<double>(s.values.size()));
    lines.push_back(line);
  }
  for (auto const& s : spectra) {
    bool const drawn = std::any_of(spectra.begin(), spectra.begin() + (&s - spectra.data()),
                                   [&](auto const& o) { return o.sigma == s.sigma; });
    if (drawn || !std::isfinite(s.sigma)) continue;
    lines.push_back({.name = "sigma in theory", .x = {1, width}, .y = {s.sigma, s.sigma}, .dashed = true});
  }
  return line_chart(
      lines,
      {.title = "Singular values of the features of each class", .x_label = "index", .y_label = "singular value"});
}

template <class Model>
void analyze_probe(Context& context, ModelOnData<Model>& run, std::string const& output) {
  auto const& c = run.model.config();
  auto reference = probe_samples(run, train::Part::test), samples = probe_samples(run, train::Part::train);
  require_value(!reference.labels.empty(), "krate::analyze", "samples", 0, "must be at least one in the train part");
  if (c.mcr2 && c.mcr2->frobenius == 0) {
    normalise(reference.features);
    normalise(samples.features);
  }
  std::vector<Probe> probes;
  std::vector<Spectrum> spectra;
  std::size_t const rank = std::max<std::size_t>(1, c.dim / c.classes), count = samples.labels.size();
  run.comm.guarded([&] {
    if (!run.comm.is_root()) return;
    if (!c.mcr2) probes.push_back({"head", agreement(samples.predicted, samples.labels)});
    for (auto& p : probe(run.space, reference, samples, c.classes, rank)) probes.push_back(std::move(p));
    spectra = spectra_of(run.space, reference, c.classes, c.mcr2);
    std::string csv = "classifier,samples,right,accuracy\n";
    for (auto const& p : probes) {
      char line[128];
      std::snprintf(line, sizeof line, "%s,%zu,%zu,%.8g\n", p.classifier.c_str(), count, p.right,
                    static_cast<double>(p.right) / static_cast<double>(count));
      csv += line;
    }
    make_directories(output, "krate::analyze");
    write_file(output + "/probe.csv", csv);
    write_file(output + "/spectrum.csv", spectrum_csv(spectra));
    write_file(output + "/spectrum.svg", svg_file(spectrum_chart(spectra)));
  });
  if (context.json()) {
    Json result{{"path", output + "/probe.csv"}, {"samples", count}, {"reference", reference.labels.size()}};
    for (auto const& p : probes) result[p.classifier] = static_cast<double>(p.right) / static_cast<double>(count);
    return context.print_json(result);
  }
  for (auto const& p : probes) {
    char line[128];
    std::snprintf(line, sizeof line, "%-18s  %.4f (%zu of %zu)", p.classifier.c_str(),
                  static_cast<double>(p.right) / static_cast<double>(count), p.right, count);
    context.print(line);
  }
}

}  // namespace

void add_analyze_probe(cli::App& analyze, Context& context) {
  struct Command {
    ModelArguments arguments;
    std::string output;
  };
  auto* const app = analyze.add_subcommand("probe", "What simple classifiers find in the features");
  auto const given = std::make_shared<Command>();
  add_model_arguments(*app, given->arguments, true);
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  context.add_json_flag(*app);
  app->footer(
      "Classifiers learn from the features of the dataset's train part (all samples where it has no /split) and are\n"
      "asked about the chosen samples: nearest subspace (dim / classes leading directions a class), 5 nearest\n"
      "neighbours by cosine, linear probe (softmax regression); beside them the model's own head, if it was trained.\n"
      "DIR/probe.csv: classifier, samples, right, accuracy. DIR/spectrum.csv: singular values of the features of each\n"
      "class of the train part, beside the one that theory gives for mcr2 with --frobenius and --batch of all "
      "samples;\n"
      "a chart beside. Example: krate analyze probe run/model.h5 --data digits.h5 -o analysis");
  app->callback([&context, given] {
    with_model<ImageModels>(context, given->arguments, true,
                            [&](auto& run) { analyze_probe(context, run, given->output); });
  });
}

}  // namespace krate::tools
