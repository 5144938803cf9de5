// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/baselines.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "krate/core/require.hpp"

namespace krate::tools {

namespace {

void require_comparable(char const* where, Rows const& train, std::span<Label const> labels, Rows const& test) {
  if (train.columns != test.columns) {
    throw ShapeError(where, "the training samples have " + std::to_string(train.columns) +
                                " numbers each, but the test samples " + std::to_string(test.columns) +
                                "; take both from one dataset");
  }
  require_value(train.count() > 0 && train.count() == labels.size(), where, "labels.size()", labels.size(),
                "must be positive, and the number of training samples");
}

/// The products of a block of test samples with all rows of b at a time: use(sample, its products).
template <class Use>
void for_each_sample(Space const& space, Rows const& test, DeviceMatrix const& b, Use const& use) {
  constexpr std::size_t block = 256;
  for (std::size_t first = 0; first < test.count(); first += block) {
    auto const begin = test.values.begin() + static_cast<std::ptrdiff_t>(first * test.columns);
    std::size_t const size = std::min(block, test.count() - first) * test.columns;
    Rows const products =
        product(space, Rows{test.columns, {begin, begin + static_cast<std::ptrdiff_t>(size)}}, "T", b);
    for (std::size_t i = 0; i < products.count(); ++i) use(first + i, products.row(i));
  }
}

}  // namespace

std::vector<Label> nearest_neighbour(Space const& space, Rows const& train, std::span<Label const> labels,
                                     Rows const& test, std::size_t count) {
  constexpr char const* where = "krate::tools::nearest_neighbour";
  require_comparable(where, train, labels, test);
  require_value(count > 0, where, "count", count, "must be positive");
  std::vector<double> norms(train.count());
  for (std::size_t j = 0; j < norms.size(); ++j) norms[j] = dot(train.row(j), train.row(j));
  std::vector<Label> found(test.count());
  std::vector<std::pair<double, std::size_t>> near(train.count());
  for_each_sample(space, test, on_device(space, train), [&](std::size_t i, std::span<double const> products) {
    for (std::size_t j = 0; j < norms.size(); ++j)  // |x - y|^2 = |x|^2 - 2 x.y + |y|^2
      near[j] = {norms[j] - 2 * products[j], j};
    auto const end = near.begin() + static_cast<std::ptrdiff_t>(std::min(count, near.size()));
    std::partial_sort(near.begin(), end, near.end());
    std::map<Label, std::size_t> votes;
    for (auto n = near.begin(); n != end; ++n) ++votes[labels[n->second]];
    found[i] = labels[near.front().second];
    for (auto n = near.begin(); n != end; ++n)
      if (votes[labels[n->second]] > votes[found[i]]) found[i] = labels[n->second];
  });
  return found;
}

std::vector<Label> nearest_subspace(Space const& space, Rows const& train, std::span<Label const> labels,
                                    Rows const& test, std::size_t dim) {
  require_comparable("krate::tools::nearest_subspace", train, labels, test);
  std::map<Label, Rows> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& samples = classes[labels[i]];
    samples.columns = train.columns;
    samples.values.insert(samples.values.end(), train.row(i).begin(), train.row(i).end());
  }
  // The residual is |x|^2 - |Q^T x|^2: it is least where the projection is longest.
  std::vector<Label> found(test.count(), classes.begin()->first);
  std::vector<double> longest(test.count(), 0);
  for (auto const& [label, samples] : classes) {
    Rows const basis = leading_subspace(space, samples, dim);
    if (basis.count() == 0) continue;
    for_each_sample(space, test, on_device(space, basis),
                    [&, label = label](std::size_t i, std::span<double const> projection) {
                      double const length = dot(projection, projection);
                      if (length > longest[i]) longest[i] = length, found[i] = label;
                    });
  }
  return found;
}

Label majority_label(std::span<Label const> labels) {
  std::map<Label, std::size_t> counts;
  for (Label const label : labels) ++counts[label];
  auto const more = [](auto const& a, auto const& b) { return a.second < b.second; };
  auto const most = std::max_element(counts.begin(), counts.end(), more);
  require_value(most != counts.end(), "krate::tools::majority_label", "labels.size()", 0, "must be positive");
  return most->first;
}

}  // namespace krate::tools
