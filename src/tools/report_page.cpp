// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The page about a training run: its head, curves and layers. report_samples.cpp has what is about single samples.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "krate/version.hpp"
#include "tools/html.hpp"
#include "tools/report_samples.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace {

double value_of(Json const& summary, char const* key) {
  auto const found = summary.find(key);
  return found != summary.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::int64_t count_of(Json const& summary, char const* key) {
  auto const found = summary.find(key);
  return found != summary.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string fact(std::string const& name, std::string const& value, std::string const& more) {
  return "<div><dt>" + name + "</dt><dd>" + value + (more.empty() ? "" : "<small>" + more + "</small>") +
         "</dd></div>\n";
}

std::string some(std::int64_t count, std::string const& thing) {
  return grouped(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string head(RunRecord const& run, Findings const& f) {
  auto const& s = run.summary;
  double const accuracy = value_of(s, "test_accuracy");
  auto const size = [&](char const* name) { return run.options.get<std::int64_t>(name); };
  auto const trained = run.options.get<std::string>("data");
  std::error_code error;
  bool const other_data = trained != f.data && !std::filesystem::equivalent(trained, f.data, error);
  std::string const data = escaped(std::filesystem::path(trained).filename().string());
  bool const same_data = f.tested && !other_data, rated = std::isfinite(accuracy);
  std::ostringstream exact;
  exact.precision(17);
  exact << accuracy;
  std::string const counted = rated && same_data ? grouped(std::llround(accuracy * static_cast<double>(f.available))) +
                                                       " of " + grouped(static_cast<std::int64_t>(f.available))
                                                 : "";

  std::string html = "<header>\n<p class=\"kind\">krate training report</p>\n<h1>";
  html += rated ? "<data id=\"accuracy\" value=\"" + exact.str() + "\">" + percent(accuracy) + "</data> test accuracy"
                : "A CRATE trained on " + data;
  html += "</h1>\n<p class=\"lead\">A CRATE of " + some(size("depth"), "block") + ", " + some(size("heads"), "head") +
          " and width " + grouped(size("dim")) + " (" + grouped(count_of(s, "parameters")) +
          " parameters), trained for " + some(count_of(s, "steps"), "step") + " on " + data +
          (counted.empty() ? ".</p>\n" : ": it reads " + counted + " test samples right.</p>\n");
  html += "<dl class=\"facts\">\n";
  if (rated) html += fact("Test accuracy", percent(accuracy), counted.empty() ? "" : counted + " right");
  if (rated) html += fact("Test loss", rounded(value_of(s, "test_loss")), "cross-entropy, nats");
  html += fact("Training loss", rounded(value_of(s, "train_loss")), "of the last step");
  html += fact("Training time", duration(run.metrics.seconds),
               run.metrics.parts > 1 ? "in " + std::to_string(run.metrics.parts) + " parts, by resuming" : "one part");
  html += fact("Machine", some(count_of(s, "ranks"), "rank"),
               some(count_of(s, "threads"), "thread") + (count_of(s, "ranks") > 1 ? " each" : ""));
  html += fact("krate", escaped(version()), "commit " + escaped(std::string(git_commit()).substr(0, 18)));
  html += "</dl>\n";
  if (!rated) html += paragraph("The data of the training has no test part, so there is no test accuracy.");
  if (other_data) {
    html += paragraph("The pictures and measures of the model below are from " + escaped(f.data) +
                      ", not from the data that it was trained on.");
  }
  return html + "</header>\n";
}

std::string settings(RunRecord const& run) {
  std::string html = "<dl class=\"settings\">\n";
  std::istringstream lines(run.options.to_toml());
  for (std::string line; std::getline(lines, line);) {
    auto const at = line.find(" = ");
    if (at == line.npos) continue;
    std::string value = line.substr(at + 3);
    if (value.size() >= 2 && (value[0] == '\'' || value[0] == '"')) value = value.substr(1, value.size() - 2);
    html += "<div><dt>" + escaped(line.substr(0, at)) + "</dt><dd>" + escaped(value) + "</dd></div>\n";
  }
  return section("Settings", html + "</dl>\n");
}

/// A curve of about a hundred points: means over equal stretches of steps.
Series smoothed(std::string name, MetricRows const& rows, std::vector<double> const& values) {
  Series s{std::move(name)};
  std::size_t const stretch = (values.size() + 99) / 100;
  for (std::size_t i = 0; i < values.size(); i += stretch) {
    std::size_t const end = std::min(i + stretch, values.size());
    double sum = 0;
    for (std::size_t j = i; j < end; ++j) sum += values[j];
    s.x.push_back(rows.step[end - 1]);
    s.y.push_back(sum / static_cast<double>(end - i));
  }
  return s;
}

/// The accuracies that are reached after a tenth of the run, widened to a round number below; earlier points that are
/// lower are left out.
std::pair<double, double> late_range(std::vector<Series>& series) {
  double low = 0.9;
  for (auto const& s : series) {
    for (std::size_t i = s.y.size() / 10; i < s.y.size(); ++i) low = std::min(low, s.y[i]);
  }
  low = std::floor(10 * low) / 10;
  for (auto& s : series) {
    for (double& y : s.y) y = y < low ? std::nan("") : y;
  }
  return {low, 1};
}

std::string curves(RunRecord const& run) {
  auto const &train = run.metrics.train, &test = run.metrics.test;
  auto const titled = [](char const* title) {
    return ChartOptions{.title = title, .x_label = "step", .width = 520, .height = 300};
  };
  std::vector<Series> losses{smoothed("training", train, train.loss)};
  std::vector<Series> accuracies{smoothed("training", train, train.accuracy)};
  if (!test.step.empty()) losses.push_back({"test", test.step, test.loss});
  if (!test.step.empty()) accuracies.push_back({"test", test.step, test.accuracy});
  auto accuracy_options = titled("Accuracy"), norm_options = titled("Gradient norm");
  accuracy_options.y_range = late_range(accuracies);
  norm_options.log_y = true;
  std::string const charts = "<div class=\"charts\">\n" + line_chart(losses, titled("Loss")) +
                             line_chart(accuracies, accuracy_options) +
                             line_chart({{"", train.step, train.learning_rate}}, titled("Learning rate")) +
                             line_chart({smoothed("", train, train.gradient_norm)}, norm_options) + "</div>\n";
  return section(
      "Training",
      figure(charts,
             "How training went; what is measured at each step is averaged over hundredths of the run. The training "
             "loss is the objective itself, with label smoothing and on augmented samples where those are on, so it "
             "can stay above the plain loss of the test samples; training accuracy is counted on the way, before each "
             "update. The axis of the accuracy begins where the curves are after a tenth of the run."));
}

std::string layers(Findings const& f) {
  std::vector<std::string> names;
  Series rate{""}, density{""};
  std::string table =
      "<div class=\"wide\">\n<table>\n<tr><th>layer</th><th class=\"number\">coding rate R<sup>c</sup></th>"
      "<th class=\"number\">standard deviation</th><th class=\"number\">density</th>"
      "<th class=\"number\">standard deviation</th></tr>\n";
  auto const cell = [](double x, int digits) { return "<td class=\"number\">" + fixed(x, digits) + "</td>"; };
  for (std::size_t i = 0; i < f.layers.size(); ++i) {
    auto const& l = f.layers[i];
    names.push_back(std::to_string(i + 1));
    rate.y.push_back(l.coding_rate);
    rate.spread.push_back(l.coding_rate_std);
    density.y.push_back(l.density);
    density.spread.push_back(l.density_std);
    table += "<tr><td>" + names.back() + "</td>" + cell(l.coding_rate, 2) + cell(l.coding_rate_std, 2) +
             cell(l.density, 4) + cell(l.density_std, 4) + "</tr>\n";
  }
  density.colour = "#009e73";
  ChartOptions options{
      .title = "Coding rate by layer", .x_label = "layer", .y_label = "nats", .width = 520, .height = 280};
  std::string charts = bar_chart(names, {rate}, options);
  options.title = "Density by layer";
  options.y_label = "share that is not zero";
  charts += bar_chart(names, {density}, options);
  std::string const samples = some(static_cast<std::int64_t>(f.layer_samples), f.tested ? "test sample" : "sample");
  return section(
      "Layer by layer",
      paragraph("Each block of a CRATE takes two steps: attention compresses the tokens towards a few subspaces, and a "
                "step of sparse coding (ISTA) thins them out. These two numbers measure what the trained blocks do of "
                "that.") +
          figure(
              "<div class=\"charts\">\n" + charts + "</div>\n",
              "Means over " + samples +
                  ", with standard deviations. <b>Coding rate</b>: the nats that it takes to "
                  "code the tokens of one sample, as the heads of a block project them, up to a squared error of " +
                  rounded(f.eps_squared) +
                  "; lower is more compressed. <b>Density</b>: the share of a block's output that is not zero; lower "
                  "is sparser.") +
          table + "</table>\n</div>\n");
}

}  // namespace

std::string report_page(RunRecord const& run, Findings const& f) {
  std::string const footer = "<footer>Written by krate " + escaped(version()) + ", commit " + escaped(git_commit()) +
                             ", from " + escaped(run.path) + " and " + escaped(f.data) +
                             ". <code>krate report</code> writes it anew.</footer>\n";
  return html_page("krate: " + run.path, head(run, f) + curves(run) + comparison_section(f) + layers(f) +
                                             attention_section(f) + mistakes_section(f) + settings(run) + footer);
}

}  // namespace krate::tools
