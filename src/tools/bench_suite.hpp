// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/context.hpp"

namespace krate::tools {

/// krate bench suite: all cases at sizes that tell machines apart, in one file.
void add_bench_suite(cli::App& bench, Context& context);

}  // namespace krate::tools
