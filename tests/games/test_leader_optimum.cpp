// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the leader reaches from random starts by a quasi-Newton method, the follower answering exactly (C2).
#include <gtest/gtest.h>

#include <numeric>

#include "games/subspace_data.hpp"
#include "support/lbfgs.hpp"

namespace krate::games {
namespace {

using Numbers = std::vector<double>;

/// An encoder by what it does on each class's subspace, M_j U_j^T; codes of each class are scaled to mean square 1, as
/// the constraint has them.
struct Leader {
  ClassStatistics whole, inner;  ///< of samples [dim], and of their coordinates, class after class
  Numbers bases;                 ///< [total, dim]
  std::vector<std::size_t> ranks;
  std::size_t width, total;

  Leader(PursuitData const& data, std::vector<std::size_t> const& of_ranks, std::size_t to_width)
      : whole(statistics(data)),
        ranks(of_ranks),
        width(to_width),
        total(std::accumulate(ranks.begin(), ranks.end(), std::size_t(0))) {
    PursuitData coordinates{.dim = total, .classes = ranks.size()};
    std::size_t begin = 0, row = 0;
    for (std::size_t j = 0; j < ranks.size(); begin += ranks[j], ++j) {
      auto const count = static_cast<std::size_t>(whole.counts[j]);
      auto const at = data.rows.begin() + static_cast<std::ptrdiff_t>(row * data.dim);
      Numbers const rows(at, at + static_cast<std::ptrdiff_t>(count * data.dim));
      auto const one = class_statistics(rows, data.dim, std::vector<Label>(count, 0), 1);
      auto const basis = principal_encoder(one, ranks[j]);
      bases.insert(bases.end(), basis.begin(), basis.end());
      auto const y = times(rows, turned(basis, ranks[j]), data.dim);
      for (std::size_t n = 0; n < count; ++n) {
        Numbers sample(total, 0);
        for (std::size_t k = 0; k < ranks[j]; ++k) sample[begin + k] = y[n * ranks[j] + k];
        coordinates.rows.insert(coordinates.rows.end(), sample.begin(), sample.end());
        coordinates.labels.push_back(static_cast<Label>(j));
      }
      row += count;
    }
    inner = statistics(coordinates);
  }

  /// M S_j, and its scale.
  std::pair<Numbers, double> of_class(Numbers const& maps, std::size_t j) const {
    auto const from = inner.moments.begin() + static_cast<std::ptrdiff_t>(j * total * total);
    auto const image = times(maps, Numbers(from, from + static_cast<std::ptrdiff_t>(total * total)), total);
    double square = 0;
    for (std::size_t i = 0; i < maps.size(); ++i) square += image[i] * maps[i];
    return {image, 1 / std::sqrt(square)};
  }
  template <class F>
  void each_entry(F const& f) const {
    for (std::size_t o = 0; o < width; ++o)
      for (std::size_t j = 0, k = 0; j < ranks.size(); ++j)
        for (std::size_t end = k + ranks[j]; k < end; ++k) f(o * total + k, j);
  }
  Numbers scaled(Numbers maps) const {
    Numbers scales;
    for (std::size_t j = 0; j < ranks.size(); ++j) scales.push_back(of_class(maps, j).second);
    each_entry([&](std::size_t at, std::size_t j) { maps[at] *= scales[j]; });
    return maps;
  }
  /// - expansion, with its gradient through the scaling.
  double operator()(Numbers const& maps, Numbers& gradient) const {
    auto const v = linear_values(inner, {scaled(maps), Numbers(maps.size(), 0)}, 1);
    std::vector<std::pair<Numbers, double>> classes;
    Numbers along(ranks.size(), 0);
    for (std::size_t j = 0; j < ranks.size(); ++j) classes.push_back(of_class(maps, j));
    each_entry([&](std::size_t at, std::size_t j) { along[j] += v.expansion_by_encoder[at] * maps[at]; });
    each_entry([&](std::size_t at, std::size_t j) {
      double const s = classes[j].second;
      gradient[at] = -s * v.expansion_by_encoder[at] + s * s * s * along[j] * classes[j].first[at];
    });
    return -v.expansion;
  }
  Numbers encoder(Numbers const& maps) const {
    return times(scaled(maps), turned(pseudo_inverse(bases, total, whole.dim), whole.dim), total);
  }
  /// Descending squares of the singular values of class j's codes, over its number of samples.
  Numbers spectrum(Numbers const& maps, std::size_t j) const {
    auto const m = scaled(maps);
    auto const code = times(of_class(m, j).first, turned(m, width), total);
    Numbers found;
    // By powers and deflation: the code is a moment of `ranks[j]` directions.
    Numbers rest = code;
    for (std::size_t k = 0; k < ranks[j]; ++k) {
      Numbers v = normal(width, 90 + k);
      double value = 0;
      for (int i = 0; i < 300; ++i) {
        auto next = times(rest, v, width);
        value = norm(next);
        for (double& x : next) x /= std::max(value, 1e-300);
        v = next;
      }
      found.push_back(value);
      for (std::size_t a = 0; a < width; ++a)
        for (std::size_t b = 0; b < width; ++b) rest[a * width + b] -= value * v[a] * v[b];
    }
    return found;
  }
};

TEST(LeaderOptimum, ThreeOfThreeStarts) {
  auto const data = subspaces(50, {500, 500, 500}, {3, 4, 5});
  Leader const leader(data, {3, 4, 5}, 40);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto const found = testing::minimise(leader, normal(40 * 12, seed), 1e-9, 2000);
    EXPECT_NEAR(-found.value, 3.961864, 5e-7) << seed << ": " << found.iterations;
    for (std::size_t j = 0; j < 3; ++j)
      for (double const square : leader.spectrum(found.x, j))
        EXPECT_NEAR(std::sqrt(square * static_cast<double>(leader.ranks[j])), 1, 1e-5) << seed;
    LinearMaps maps{leader.encoder(found.x), {}};
    maps.decoder = pseudo_inverse(maps.encoder, 40, 50);
    auto const v = linear_values(leader.whole, maps, 1);
    EXPECT_NEAR(v.expansion, -found.value, 1e-9);
    EXPECT_LE(v.inconsistency, 1e-12);
    EXPECT_LE(cross_cosine(data, images(data, maps.encoder)).first, 1e-5);
  }
}

// Below the precision that the theorem asks for, but not below what it takes: equal spectra are not the best.
TEST(LeaderOptimum, CounterExample) {
  Leader const leader(subspaces(50, {500, 500, 500}, {3, 4, 5}), {3, 4, 5}, 12);
  auto const equal = oracle_equilibrium(leader.whole, 12, 1);
  EXPECT_NEAR(equal.expansion, 1.377980, 1e-6);
  EXPECT_NEAR(equal.precision_ratio, 1 / 1.92, 1e-9);  // the theorem's condition holds
  double best = 0;
  Numbers at;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    auto const found = testing::minimise(leader, normal(12 * 12, seed), 1e-9, 3000);
    if (-found.value > best) {
      best = -found.value;
      at = found.x;
    }
  }
  EXPECT_NEAR(best, 1.398684, 1e-6);
  for (std::size_t j = 0; j < 3; ++j) {
    auto const spectrum = leader.spectrum(at, j);
    EXPECT_GT(spectrum[2], 0.2) << j;
    for (std::size_t k = 3; k < spectrum.size(); ++k) EXPECT_LE(spectrum[k], 1e-6) << j;
  }
}

}  // namespace
}  // namespace krate::games
