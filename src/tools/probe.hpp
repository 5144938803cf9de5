// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What simple classifiers find in a model's features, and how these lie.
#pragma once

#include <algorithm>

#include "tools/model_command.hpp"
#include "tools/rows.hpp"

namespace krate::tools {

/// Features of samples in host memory, with their labels and what the model's head says of them.
struct ProbeSamples {
  Rows features;
  std::vector<Label> labels{}, predicted{};
};

/// Collective: those of a part of the source, on every rank.
template <class Model>
ProbeSamples probe_samples(ModelOnData<Model>& run, train::Part part);

/// Divides rows by their length, at least 1e-12.
void normalise(Rows& rows);
/// How many of the answers are the labels.
std::size_t agreement(std::vector<Label> const& found, std::vector<Label> const& labels);

struct Probe {
  std::string classifier;
  std::size_t right = 0;
};
inline constexpr std::size_t probe_neighbours = 5;

/// Nearest subspace of `rank` directions a class, k nearest neighbours by cosine, linear probe.
std::vector<Probe> probe(Space const& space, ProbeSamples const& reference, ProbeSamples const& samples,
                         std::size_t classes, std::size_t rank);

/// Softmax regression on features that are standardised with the mean and deviation of those it learns from: full-batch
/// AdamW from zero weights. @note allocates: yes; fences: yes; bitwise repeatable: yes
std::vector<Label> linear_probe(Space const& space, Rows const& train, std::span<Label const> labels, Rows const& test,
                                std::size_t classes);

template <class Model>
ProbeSamples probe_samples(ModelOnData<Model>& run, train::Part part) {
  auto const total = run.source.size(part);
  auto const share = comm::share_of(total, run.comm.rank(), run.comm.size());
  std::vector<std::size_t> mine(share.count);
  std::iota(mine.begin(), mine.end(), share.begin);
  auto const& c = run.model.config();
  std::vector<double> features;
  std::vector<Label> labels, predicted;
  run.inference.run(run.space, run.source, part, mine, [&](auto const& some) {
    auto const read = [&](auto const& view) {
      return Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(run.space, Kokkos::HostSpace{}), view);
    };
    auto const logits = read(some.logits);
    auto const rows = read(some.features);
    auto const names = read(some.labels);
    run.space.fence("krate::tools::probe: outputs are read");
    features.insert(features.end(), rows.data(), rows.data() + rows.size());
    labels.insert(labels.end(), names.data(), names.data() + names.size());
    for (std::size_t i = 0; i < logits.extent(0); ++i) {
      auto const* const first = &logits(i, 0);
      predicted.push_back(static_cast<Label>(std::max_element(first, first + c.classes) - first));
    }
  });
  auto const gather = [&]<class T>(std::vector<T> const& own, std::size_t width) {
    std::vector<T> all(total * width);
    std::vector<std::size_t> bytes;
    for (int r = 0; r < run.comm.size(); ++r)
      bytes.push_back(comm::share_of(total, r, run.comm.size()).count * width * sizeof(T));
    run.comm.all_gather(std::as_bytes(std::span(own)), std::as_writable_bytes(std::span(all)), bytes);
    return all;
  };
  return {{c.dim, gather(features, c.dim)}, gather(labels, 1), gather(predicted, 1)};
}

}  // namespace krate::tools
