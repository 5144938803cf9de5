// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows spread over ranks: the layers that one rank builds, up to rounding, and the same ones on all ranks.
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cmath>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "krate/models/flatnet_builder.hpp"
#include "support/array.hpp"
#include "support/ranks.hpp"

namespace {

using Builder = krate::models::FlatnetBuilder<TestSpace>;

/// A surface in space.
krate::testing::Array surface(std::size_t begin, std::size_t count) {
  krate::testing::Array x({count, 4});
  for (std::size_t i = 0; i < count; ++i) {
    double const u = krate::testing::fill_u(1, begin + i), v = krate::testing::fill_u(2, begin + i);
    x(i, 0) = u;
    x(i, 1) = v;
    x(i, 2) = 0.4 * u * u - 0.3 * u * v;
    x(i, 3) = 0.2 * std::sin(2 * v);
  }
  return x;
}

std::vector<krate::models::FlatnetLayer> build(krate::comm::Communicator const& comm, std::size_t begin,
                                               std::size_t count) {
  TestSpace const space;
  krate::models::FlatnetOptions options;
  options.iterations = 6;
  options.inner_iterations = 40;
  Builder builder(space, comm, krate::testing::to_view<TestSpace, double, 2>(surface(begin, count)), options);
  while (!builder.finished()) builder.step(space);
  return builder.layers();
}

}  // namespace

void run_on_ranks() {
  krate::comm::Communicator const world(MPI_COMM_WORLD);
  constexpr std::size_t samples = 61;
  auto const share = krate::comm::share_of(samples, world.rank(), world.size());
  auto const all = build({}, 0, samples), together = build(world, share.begin, share.count);
  expect(!all.empty() && all.size() == together.size(), "another number of layers");
  for (std::size_t i = 0; i < std::min(all.size(), together.size()); ++i) {
    auto const &a = all[i], &b = together[i];
    expect(a.frame.columns == b.frame.columns, "another dimension");
    double gap = std::abs(a.alpha - b.alpha) + std::abs(a.gamma - b.gamma) + std::abs(a.scale - b.scale);
    for (std::size_t j = 0; j < std::min(a.frame.values.size(), b.frame.values.size()); ++j)
      gap = std::max(gap, std::abs(a.frame.values[j] - b.frame.values[j]));
    for (std::size_t j = 0; j < 4; ++j) gap = std::max(gap, std::abs(a.shift[j] - b.shift[j]));
    // Roundings grow from layer to layer, where fits end before they have converged: 5e-14 in the first, 1e-9 later.
    expect(gap <= (i == 0 ? 1e-11 : 1e-7), "another layer");
    double mine = 0;
    for (double const x : b.frame.values) mine += x;
    expect(world.all_reduce(mine, krate::comm::Reduction::min) == world.all_reduce(mine, krate::comm::Reduction::max),
           "ranks differ");
  }
  // A rank may have no rows.
  auto const lone = build(world, 0, world.is_root() ? samples : 0);
  expect(lone.size() == all.size() && lone.front() == all.front(), "rows of one rank alone give another layer");
}
