// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "tools/ctrl.hpp"
#include "tools/rows.hpp"

namespace krate::tools {

/// What the maps of a finished game make of samples that they have not seen.
struct CtrlStages {
  Rows codes{}, decoded{}, recoded{};
  double expansion = 0, inconsistency = 0;
  std::vector<double> encoder{}, decoder{}, curve{};  ///< [width, dim], [dim, width], or networks' numbers; [steps, 2]
};

/// @param numbers  of the game, ctrl_numbers() of them
CtrlStages ctrl_stages(Space const& space, CtrlSetting const& setting, CtrlSamples const& samples,
                       std::span<double const> numbers);

}  // namespace krate::tools
