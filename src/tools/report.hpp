// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The page about a training run: what it measures, and how it is written.
#pragma once

#include <string>
#include <vector>

#include "krate/io/sample_table.hpp"
#include "tools/analysis.hpp"
#include "tools/rows.hpp"
#include "tools/run_record.hpp"

namespace krate::tools {

/// A rule to compare with, and on how many of the same samples it is right.
struct Baseline {
  std::string name, how;
  std::size_t right = 0;
};

/// What a trained model does on a bounded number of samples, in host memory.
struct Findings {
  std::string data;            ///< file
  bool tested = false;         ///< the samples are of the test part; else the file has none
  std::size_t available = 0;   ///< samples of that part in the file
  std::size_t trained_on = 0;  ///< training samples that the baselines saw; 0: none, see `without_baselines`
  std::size_t channels = 0, height = 0, width = 0;

  Rows samples{};               ///< images [channels, height, width], evenly spread over the part
  std::vector<Label> labels{};  ///< empty: the file has none
  std::vector<Label> predicted{};
  std::vector<double> probability{};  ///< of what was predicted

  std::size_t layer_samples = 0;
  double eps_squared = 0.01;
  std::vector<LayerMeasure> layers{};

  std::size_t block = 0, heads = 0, rows = 0, columns = 0;  ///< of the attention maps
  std::vector<std::size_t> shown{};                         ///< samples that have maps
  Rows maps{};                                              ///< a row a head of a shown sample

  std::vector<Baseline> baselines{};
  std::string without_baselines{};  ///< why there are none

  std::size_t right() const;  ///< samples with labels that the model gets right
};

/// Runs the model of a file on what it takes of a dataset. @throws as `krate eval` for data that does not fit
Findings examine(Space const& space, std::string const& model, io::SampleTable const& data);

/// One self-contained HTML page, well-formed as XML too.
std::string report_page(RunRecord const& run, Findings const& findings);

/// Pages are about a CRATE and its head: runs of other models and objectives have none.
bool has_report(OptionTable const& options);

/// Collective: writes DIRECTORY/index.html about a finished run. Rank 0 works, with one-rank means.
/// @return what was measured, on rank 0
Findings write_report(Context& context, std::string const& run, io::SampleTable const& data,
                      std::string const& directory);

}  // namespace krate::tools
