// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/context.hpp"

namespace krate::tools {

/// krate bench compare: results of several machines side by side.
void add_bench_compare(cli::App& bench, Context& context);

}  // namespace krate::tools
