// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/probe.hpp"

#include <cmath>

#include "tools/baselines.hpp"

namespace krate::tools {

void normalise(Rows& rows) {
  for (std::size_t i = 0; i < rows.count(); ++i) {
    double const length = std::max(std::sqrt(dot(rows.row(i), rows.row(i))), 1e-12);
    for (std::size_t j = 0; j < rows.columns; ++j) rows.values[i * rows.columns + j] /= length;
  }
}

std::size_t agreement(std::vector<Label> const& found, std::vector<Label> const& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += found[i] == labels[i];
  return right;
}

std::vector<Probe> probe(Space const& space, ProbeSamples const& reference, ProbeSamples const& samples,
                         std::size_t classes, std::size_t rank) {
  auto const& known = reference.labels;
  auto const right = [&](std::vector<Label> const& found) { return agreement(found, samples.labels); };
  Rows directions = reference.features, asked = samples.features;  // neighbours are counted by cosine
  normalise(directions);
  normalise(asked);
  return {{"nearest_subspace", right(nearest_subspace(space, reference.features, known, samples.features, rank))},
          {"nearest_neighbours", right(nearest_neighbour(space, directions, known, asked, probe_neighbours))},
          {"linear_probe", right(linear_probe(space, reference.features, known, samples.features, classes))}};
}

std::vector<double> singular_values(Rows const& samples) {
  std::size_t n = samples.count(), d = samples.columns;
  std::vector<double> a = samples.values;
  if (n > d) {  // d rows of n numbers
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j) a[j * n + i] = samples.values[i * d + j];
    std::swap(n, d);
  }
  auto const row = [&](std::size_t i) { return std::span(a).subspan(i * d, d); };
  bool turned = true;
  for (int sweep = 0; turned && sweep < 60; ++sweep) {
    turned = false;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) {
        auto const x = row(i), y = row(j);
        double const xx = dot(x, x), yy = dot(y, y), xy = dot(x, y);
        if (std::abs(xy) <= 1e-14 * std::sqrt(xx * yy)) continue;
        turned = true;
        double const zeta = (yy - xx) / (2 * xy);
        double const t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        double const c = 1 / std::sqrt(1 + t * t), s = c * t;
        for (std::size_t e = 0; e < d; ++e) {
          double const u = x[e], v = y[e];
          x[e] = c * u - s * v;
          y[e] = s * u + c * v;
        }
      }
  }
  std::vector<double> found(n);
  for (std::size_t i = 0; i < n; ++i) found[i] = std::sqrt(dot(row(i), row(i)));
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

double regularised_sigma(std::size_t dim, std::size_t m, std::size_t samples_k, Mcr2Objective const& objective) {
  double const scale = static_cast<double>(dim) / objective.eps_squared, lambda = objective.frobenius;
  double const alpha = scale / static_cast<double>(m), alpha_k = scale / static_cast<double>(samples_k);
  double const q = static_cast<double>(m) / static_cast<double>(samples_k);
  double const eta = (alpha_k - alpha) - lambda * (q + 1), inside = eta * eta - 4 * lambda * lambda * q;
  if (!(lambda > 0 && eta > 0 && inside >= 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt((eta + std::sqrt(inside)) / (2 * lambda * alpha_k));
}

}  // namespace krate::tools
