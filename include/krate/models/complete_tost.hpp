// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/official_tensors.hpp"

namespace krate::models {

/// Adds to `known` what the shapes of the authors' tensors tell of a ToST's configuration; what is known stays.
/// @return the keys that neither shapes nor `known` tell
/// @throws IoError if a tensor that every model of the family has is missing, or has other axes
std::vector<std::string> complete_tost(OfficialTensors const& tensors, Configuration& known);
std::vector<std::string> complete_tost_causal(OfficialTensors const& tensors, Configuration& known);

}  // namespace krate::models
