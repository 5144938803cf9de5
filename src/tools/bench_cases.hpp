// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `krate bench` can measure.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "tools/bench_measure.hpp"
#include "tools/options.hpp"

namespace krate::tools {

struct BenchCase {
  char const *name, *about;
  char const* details;  ///< what is timed, for --help
  OptionTable (*options)();
  Json (*run)(Bench& bench, BenchCase const& self, OptionTable const& options);
};

std::span<BenchCase const> bench_cases();

/// The case of a file of its own.
OptionTable flatnet_bench_options();
Json run_flatnet_bench(Bench& bench, BenchCase const& self, OptionTable const& options);

/// Runs a case, once the options fit the model that they name.
Json run_case(Bench& bench, BenchCase const& which, OptionTable& options);

/// All values of a table by key.
Json config_of(OptionTable const& options);

}  // namespace krate::tools
