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

}  // namespace krate::tools
