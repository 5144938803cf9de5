// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/axis.hpp"

#include <cstdio>

#include "tools/svg.hpp"

namespace krate::tools {

std::vector<double> round_ticks(double low, double high, int count) {
  double const raw = (high - low) / std::max(count, 1);
  if (!(raw > 0) || !std::isfinite(raw)) return {low};
  double const power = std::pow(10, std::floor(std::log10(raw))), rest = raw / power;
  double const step = power * (rest <= 1.0001 ? 1 : rest <= 2.0001 ? 2 : rest <= 5.0001 ? 5 : 10);
  std::vector<double> ticks;
  auto const first = static_cast<long long>(std::floor(low / step + 1e-9));
  for (long long i = first; static_cast<double>(i) < high / step + 1 - 1e-9; ++i) {
    ticks.push_back(static_cast<double>(i) * step);
  }
  return ticks;
}

namespace {

std::vector<double> log_ticks(double low, double high) {
  int const first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  int const last = static_cast<int>(std::ceil(std::log10(high) - 1e-9));
  int const stride = std::max(1, (last - first) / 6);
  std::vector<double> ticks;
  for (int power = first; power <= last; power += stride) {
    ticks.push_back(std::pow(10, power));
    if (last - first <= 2 && power < last) {
      ticks.push_back(2 * ticks.back());
      ticks.push_back(2.5 * ticks.back());
    }
  }
  return ticks;
}

}  // namespace

Axis make_axis(double low, double high, bool logarithmic, bool exact, int tick_count) {
  if (!(low <= high)) low = logarithmic ? 0.1 : 0, high = 1;  // nothing to show
  if (low == high) {
    double const margin = low == 0 ? 0.5 : std::abs(low) / 2;
    low -= margin, high += margin;
  }
  Axis axis{low, high, 0, 1, logarithmic, logarithmic ? log_ticks(low, high) : round_ticks(low, high, tick_count)};
  if (exact) {
    std::erase_if(axis.ticks,
                  [&](double t) { return t < low - 1e-9 * (high - low) || t > high + 1e-9 * (high - low); });
  } else if (logarithmic) {
    while (axis.ticks.size() > 2 && axis.ticks[1] <= low) axis.ticks.erase(axis.ticks.begin());
    while (axis.ticks.size() > 2 && axis.ticks[axis.ticks.size() - 2] >= high) axis.ticks.pop_back();
  }
  if (!exact && !axis.ticks.empty()) {
    axis.low = std::min(low, axis.ticks.front());
    axis.high = std::max(high, axis.ticks.back());
  }
  return axis;
}

std::string tick_text(double value) {
  char text[32];
  double const size = std::abs(value);
  if (size >= 1e4 && size < 1e6) {
    std::snprintf(text, sizeof text, "%.4gk", value / 1e3);
  } else if (size >= 1e6 && size < 1e9) {
    std::snprintf(text, sizeof text, "%.4gM", value / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.4g", size < 1e-14 ? 0.0 : value);
  }
  return text;
}

}  // namespace krate::tools
