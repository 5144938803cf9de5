// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `krate bench` can measure.
#pragma once

#include <vector>

#include "tools/bench_case.hpp"

namespace krate::tools {

std::vector<BenchCase> const& bench_cases();

/// Runs a case, once the options fit the model that they name.
Json run_case(Bench& bench, BenchCase const& which, OptionTable& options);

}  // namespace krate::tools
