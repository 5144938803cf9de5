// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/resolution.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "krate/core/require.hpp"

namespace krate::models {

namespace {

// Keys' kernel with a = -3/4 within one step of the position, and within two.
constexpr double a = -0.75;
double near_weight(double x) {
  return ((a + 2) * x - (a + 3)) * x * x + 1;
}
double far_weight(double x) {
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/// The four old positions that make a new one.
struct Taps {
  std::array<std::size_t, 4> at;
  std::array<double, 4> weight;
};

std::vector<Taps> linear_taps(std::size_t from, std::size_t to) {
  std::vector<Taps> all(to);
  double const scale = to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0;
  for (std::size_t i = 0; i < to; ++i) {
    double const place = static_cast<double>(i) * scale;
    auto const left = std::min(static_cast<std::size_t>(place), from - 1), right = std::min(left + 1, from - 1);
    double const t = place - static_cast<double>(left);
    all[i] = {{left, right, right, right}, {1 - t, t, 0, 0}};
  }
  return all;
}

std::vector<Taps> bicubic_taps(std::size_t from, std::size_t to) {
  std::vector<Taps> all(to);
  double const scale = static_cast<double>(from) / (static_cast<double>(to) + 0.1);
  for (std::size_t i = 0; i < to; ++i) {
    double const place = (static_cast<double>(i) + 0.5) * scale - 0.5, left = std::floor(place), t = place - left;
    all[i].weight = {far_weight(t + 1), near_weight(t), near_weight(1 - t), far_weight(2 - t)};
    for (int k = 0; k < 4; ++k) {
      all[i].at[static_cast<std::size_t>(k)] =
          static_cast<std::size_t>(std::clamp(left + k - 1, 0.0, static_cast<double>(from - 1)));
    }
  }
  return all;
}

}  // namespace

std::vector<double> resampled_positions(std::span<double const> positions, Extent2 from, Extent2 to, std::size_t dim,
                                        Resample how) {
  if (positions.size() != from.height * from.width * dim || positions.empty()) {
    throw ShapeError("krate::models::resampled_positions", "positions has " + std::to_string(positions.size()) +
                                                               " elements, expected " + std::to_string(from.height) +
                                                               " x " + std::to_string(from.width) + " x " +
                                                               std::to_string(dim) + "; give all rows of the grid");
  }
  if (from == to) return {positions.begin(), positions.end()};
  auto* const taps = how == Resample::linear ? linear_taps : bicubic_taps;
  auto const rows = taps(from.height, to.height), columns = taps(from.width, to.width);
  std::vector<double> out(to.height * to.width * dim, 0.0);
  for (std::size_t r = 0; r < to.height; ++r) {
    for (std::size_t c = 0; c < to.width; ++c) {
      for (std::size_t tap = 0; tap < 16; ++tap) {
        std::size_t const i = tap / 4, k = tap % 4;
        double const weight = rows[r].weight[i] * columns[c].weight[k];
        auto const* const old = positions.data() + (rows[r].at[i] * from.width + columns[c].at[k]) * dim;
        for (std::size_t d = 0; d < dim; ++d) out[(r * to.width + c) * dim + d] += weight * old[d];
      }
    }
  }
  return out;
}

}  // namespace krate::models
