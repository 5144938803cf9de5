// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace krate::tools {

/// From values to places on a chart, along one direction.
struct Axis {
  double low = 0, high = 1;   ///< values at the ends
  double start = 0, end = 1;  ///< places of the ends
  bool logarithmic = false;
  std::vector<double> ticks{};  ///< values

  bool shows(double value) const { return std::isfinite(value) && (!logarithmic || value > 0); }
  /// Values outside the ends are put a little beyond them.
  double place(double value) const {
    auto const scale = [this](double v) { return logarithmic ? std::log10(v) : v; };
    double const t = (scale(value) - scale(low)) / (scale(high) - scale(low));
    return start + (end - start) * std::clamp(t, -0.02, 1.02);
  }
};

/// An axis from `low` to `high`, widened to round ticks unless `exact`.
Axis make_axis(double low, double high, bool logarithmic, bool exact, int tick_count);

/// A tick's number, short: "0.25", "1.5e-4", "12k".
std::string tick_text(double value);

}  // namespace krate::tools
