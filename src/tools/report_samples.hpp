// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sections of a report about what a model does with samples.
#pragma once

#include <string>

#include "tools/report.hpp"

namespace krate::tools {

/// The model's accuracy beside that of baselines.
std::string comparison_section(Findings const& findings);
/// Samples beside the attention of each head.
std::string attention_section(Findings const& findings);
/// Samples that the model gets wrong.
std::string mistakes_section(Findings const& findings);

}  // namespace krate::tools
