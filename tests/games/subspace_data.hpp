// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples of correlated subspaces, and comparisons.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "krate/core/random.hpp"
#include "krate/games/linear_game.hpp"
#include "krate/games/pursuit.hpp"

namespace {

using krate::games::class_statistics;
using krate::games::ClassStatistics;
using krate::games::LinearMaps;
using krate::games::PursuitData;

inline std::vector<double> normal(std::size_t count, std::uint64_t seed, double scale = 1) {
  krate::Random const random(krate::Seed{seed}, 0x74657374);
  std::vector<double> found(count);
  for (std::size_t i = 0; i < count; ++i) found[i] = scale * random.normal(i);
  return found;
}

/// As in the paper: classes choose from the same directions, and differ by a tenth of random numbers.
inline PursuitData subspaces(std::size_t dim, std::vector<std::size_t> const& counts,
                             std::vector<std::size_t> const& ranks, double noise = 0, std::uint64_t seed = 7) {
  PursuitData found{.dim = dim, .classes = counts.size()};
  std::size_t const shared = *std::max_element(ranks.begin(), ranks.end());
  auto const base = krate::games::polar_factor(normal(shared * dim, seed), shared, dim);
  for (std::size_t j = 0; j < counts.size(); ++j) {
    auto basis = normal(ranks[j] * dim, seed + 10 + j, 0.1);
    for (std::size_t k = 0; k < ranks[j]; ++k)
      for (std::size_t i = 0; i < dim; ++i) basis[k * dim + i] += 0.9 * base[k * dim + i];
    auto const codes = normal(counts[j] * ranks[j], seed + 20 + j);
    auto const off = normal(counts[j] * dim, seed + 30 + j, std::sqrt(noise / static_cast<double>(dim)));
    for (std::size_t n = 0; n < counts[j]; ++n) {
      found.labels.push_back(static_cast<krate::Label>(j));
      for (std::size_t i = 0; i < dim; ++i) {
        double x = off[n * dim + i];
        for (std::size_t k = 0; k < ranks[j]; ++k) x += codes[n * ranks[j] + k] * basis[k * dim + i];
        found.rows.push_back(x);
      }
    }
  }
  return found;
}

inline ClassStatistics statistics(PursuitData const& d) {
  return class_statistics(d.rows, d.dim, d.labels, d.classes);
}

inline double norm(std::vector<double> const& x) {
  double sum = 0;
  for (double const v : x) sum += v * v;
  return std::sqrt(sum);
}
/// Largest difference, over the largest of 1 and what is expected; not a number counts as infinite.
inline double off(std::vector<double> const& found, std::vector<double> const& expected) {
  if (found.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double scale = 1, worst = 0;
  for (double const x : expected) scale = std::max(scale, std::abs(x));
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const e = std::abs(found[i] - expected[i]);
    if (!(e <= worst)) worst = std::isfinite(e) ? e : std::numeric_limits<double>::infinity();
  }
  return worst / scale;
}

inline std::vector<double> times(std::vector<double> const& a, std::vector<double> const& b, std::size_t inner) {
  std::size_t const rows = a.size() / inner, columns = b.size() / inner;
  std::vector<double> found(rows * columns, 0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < inner; ++k)
      for (std::size_t j = 0; j < columns; ++j) found[i * columns + j] += a[i * inner + k] * b[k * columns + j];
  return found;
}
inline std::vector<double> turned(std::vector<double> const& a, std::size_t rows) {
  std::size_t const columns = a.size() / rows;
  std::vector<double> found(a.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) found[j * rows + i] = a[i * columns + j];
  return found;
}
/// rows maps^T: what a map [width, dim] makes of samples.
inline std::vector<double> images(PursuitData const& d, std::vector<double> const& map) {
  return times(d.rows, turned(map, map.size() / d.dim), d.dim);
}

/// Largest and mean |cosine| of images of samples of different classes.
inline std::pair<double, double> cross_cosine(PursuitData const& d, std::vector<double> const& z) {
  std::size_t const n = d.samples(), width = z.size() / n;
  double most = 0, sum = 0, count = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < i; ++k) {
      if (d.labels[i] == d.labels[k]) continue;
      double ab = 0, aa = 0, bb = 0;
      for (std::size_t c = 0; c < width; ++c) {
        double const a = z[i * width + c], b = z[k * width + c];
        ab += a * b, aa += a * a, bb += b * b;
      }
      double const cosine = std::abs(ab) / std::sqrt(aa * bb);
      most = std::max(most, cosine);
      sum += cosine;
      ++count;
    }
  return {most, sum / count};
}

}  // namespace
