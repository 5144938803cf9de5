// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/context.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// The rows of metrics.csv that belong to one part of the data. Cells that are empty are NaN.
struct MetricRows {
  std::vector<double> step{}, epoch{}, loss{}, accuracy{}, learning_rate{}, gradient_norm{};
};

struct Metrics {
  MetricRows train, test;
  double seconds = 0;  ///< of training, all parts of an interrupted run together
  int parts = 1;       ///< 1: never interrupted
};
/// @throws ValueError for a text that is not what a training run writes
Metrics parse_metrics(std::string const& csv, std::string const& origin);

/// What the directory of a finished run says about it.
struct RunRecord {
  std::string path;
  OptionTable options;
  Json summary;
  Metrics metrics;
};
/// @throws IoError if it is no training run, or has not come to its end
RunRecord read_run(std::string const& run);

}  // namespace krate::tools
