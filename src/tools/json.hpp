// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/context.hpp"

namespace krate::tools {

/// JSON knows neither NaN nor infinity.
inline Json finite_or_null(double x) {
  return std::isfinite(x) ? Json(x) : Json();
}

}  // namespace krate::tools
