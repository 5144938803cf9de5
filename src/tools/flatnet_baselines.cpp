// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/baselines.hpp"
#include "tools/flatnet.hpp"

namespace krate::tools {

double principal_plane_error(Space const& space, Rows samples, std::size_t dim) {
  std::size_t const n = samples.count(), d = samples.columns;
  std::vector<double> mean(d);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d; ++j) mean[j] += samples.values[i * d + j] / static_cast<double>(n);
  double left = 0;
  for (std::size_t i = 0; i < samples.values.size(); ++i) {
    samples.values[i] -= mean[i % d];
    left += samples.values[i] * samples.values[i];
  }
  auto const directions = leading_subspace(space, samples, dim);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < directions.count(); ++a) {
      double const along = dot(samples.row(i), directions.row(a));
      left -= along * along;
    }
  }
  return std::max(left, 0.0) / static_cast<double>(n);
}

namespace {

constexpr std::size_t neighbours = 20;

/// Squared distances to the nearest others, ascending; none for a sample that has fewer.
std::vector<double> nearest(Rows const& samples, std::size_t count, std::size_t i) {
  std::vector<double> squares;
  squares.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < samples.columns; ++j) {
      double const gap = samples.values[i * samples.columns + j] - samples.values[k * samples.columns + j];
      sum += gap * gap;
    }
    if (sum > 0) squares.push_back(sum);
  }
  if (squares.size() < neighbours) return {};
  auto const end = squares.begin() + neighbours;
  std::partial_sort(squares.begin(), end, squares.end());
  return {squares.begin(), end};
}

}  // namespace

DimensionEstimates estimate_dimension(Rows const& samples) {
  std::size_t const count = std::min<std::size_t>(samples.count(), 5000);
  std::vector<double> ratios;
  double inverse = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto const near = nearest(samples, count, i);
    if (near.empty()) continue;
    ratios.push_back(0.5 * std::log(near[1] / near[0]));
    double sum = 0;
    for (double const s : near) sum += 0.5 * std::log(near.back() / s);
    inverse += sum / static_cast<double>(neighbours - 1);
  }
  if (ratios.empty()) return {std::nan(""), std::nan("")};
  std::size_t const n = ratios.size(), kept = std::max<std::size_t>(1, n - n / 10);
  std::sort(ratios.begin(), ratios.end());
  double xy = 0, xx = 0;  // -ln(1 - F) = d ln(r2 / r1), a line through the origin
  for (std::size_t i = 0; i < kept; ++i) {
    double const y = -std::log1p(-static_cast<double>(i + 1) / static_cast<double>(n + 1));
    xy += ratios[i] * y;
    xx += ratios[i] * ratios[i];
  }
  return {xy / xx, static_cast<double>(n) / inverse};
}

}  // namespace krate::tools
