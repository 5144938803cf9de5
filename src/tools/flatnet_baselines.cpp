// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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

constexpr std::size_t neighbours = 20, candidates = 40, block_rows = 256;

/// Squared distances to the nearest others among `some`, ascending; none if there are fewer.
std::vector<double> nearest(Rows const& samples, std::size_t i, std::span<std::size_t const> some) {
  std::vector<double> squares;
  for (std::size_t const k : some) {
    double sum = 0;
    for (std::size_t j = 0; j < samples.columns; ++j) {
      double const gap = samples.values[i * samples.columns + j] - samples.values[k * samples.columns + j];
      sum += gap * gap;
    }
    if (sum > 0) squares.push_back(sum);
  }
  if (squares.size() < neighbours) return {};
  std::partial_sort(squares.begin(), squares.begin() + neighbours, squares.end());
  squares.resize(neighbours);
  return squares;
}

/// visit(the squared distances of a sample to its nearest others), for all that have so many. Products choose the
/// candidates, differences say how far they are.
template <class Visit>
void for_each_neighbourhood(Space const& space, Rows const& samples, Visit const& visit) {
  std::size_t const count = samples.count();
  auto const all = on_device(space, samples);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t(0));
  auto const everyone = order;
  std::vector<double> lengths, near(count);
  for (std::size_t i = 0; i < count; ++i) lengths.push_back(dot(samples.row(i), samples.row(i)));
  for (std::size_t begin = 0; begin < count; begin += block_rows) {
    auto const first = samples.values.begin() + static_cast<std::ptrdiff_t>(begin * samples.columns);
    std::size_t const rows = std::min(block_rows, count - begin);
    auto const products = product(
        space, {samples.columns, {first, first + static_cast<std::ptrdiff_t>(rows * samples.columns)}}, "T", all);
    for (std::size_t i = 0; i < rows; ++i) {
      auto const mine = products.row(i);
      for (std::size_t k = 0; k < count; ++k) near[k] = lengths[k] - 2 * mine[k];
      std::size_t const some = std::min(candidates, count);
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(some - 1), order.end(),
                       [&](std::size_t a, std::size_t b) { return near[a] < near[b]; });
      auto found = nearest(samples, begin + i, std::span(order).first(some));
      if (found.empty()) found = nearest(samples, begin + i, everyone);  // many of the nearest are equal to it
      if (!found.empty()) visit(found);
    }
  }
}

}  // namespace

DimensionEstimates estimate_dimension(Space const& space, Rows samples) {
  samples.values.resize(std::min<std::size_t>(samples.count(), 5000) * samples.columns);
  std::vector<double> ratios;
  double inverse = 0;
  for_each_neighbourhood(space, samples, [&](std::span<double const> near) {
    ratios.push_back(0.5 * std::log(near[1] / near[0]));
    double sum = 0;
    for (double const s : near) sum += 0.5 * std::log(near.back() / s);
    inverse += sum / static_cast<double>(neighbours - 1);
  });
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
