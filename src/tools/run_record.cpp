// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run_record.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/files.hpp"
#include "tools/training.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t metric_columns = 9;
constexpr char const* header = "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds";

std::array<std::string, metric_columns> cells_of(std::string const& line) {
  std::array<std::string, metric_columns> cells;
  std::istringstream in(line);
  for (auto& cell : cells) std::getline(in, cell, ',');
  return cells;
}

double number(std::string const& cell) {
  double value = 0;
  auto const end = cell.data() + cell.size();
  auto const read = std::from_chars(cell.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Metrics parse_metrics(std::string const& csv, std::string const& origin) {
  std::istringstream in(csv);
  std::string line;
  if (!std::getline(in, line) || line != header) {
    throw ValueError("krate::report", origin + " does not begin with the columns of a training run; restore it");
  }
  Metrics metrics;
  double clock = 0;  // of the present part
  while (std::getline(in, line)) {
    auto const cells = cells_of(line);
    auto& rows = cells[2] == "test" ? metrics.test : metrics.train;
    rows.step.push_back(number(cells[0]));
    rows.epoch.push_back(number(cells[1]));
    rows.loss.push_back(number(cells[3]));
    rows.accuracy.push_back(number(cells[4]));
    rows.learning_rate.push_back(number(cells[5]));
    rows.gradient_norm.push_back(number(cells[6]));
    double const seconds = number(cells[8]);
    if (seconds < clock) metrics.seconds += clock, ++metrics.parts;
    clock = seconds;
  }
  metrics.seconds += clock;
  return metrics;
}

RunRecord read_run(std::string const& run) {
  constexpr char const* where = "krate::report";
  auto options = options_of_run(run, where);
  for (auto const* name : {"/model.h5", "/summary.json", "/metrics.csv"}) {
    if (std::filesystem::is_regular_file(run + name)) continue;
    throw IoError(where,
                  run + name + " is not there (the run has not come to its end); go on with krate resume " + run);
  }
  auto summary = Json::parse(read_file(run + "/summary.json"), nullptr, /*allow_exceptions=*/false);
  if (!summary.is_object() || !summary.contains("test_accuracy")) {
    throw ValueError(where, run + "/summary.json is not what a training run writes; restore it");
  }
  return {run, std::move(options), std::move(summary),
          parse_metrics(read_file(run + "/metrics.csv"), run + "/metrics.csv")};
}

}  // namespace krate::tools
