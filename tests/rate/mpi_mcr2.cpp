// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MCR2 of samples that lie on several ranks, on a split communicator; each rank checks and prints for itself.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "rate/mcr2_runs.hpp"
#include "support/ranks.hpp"

namespace {

Array rows_of(Array const& z, krate::comm::Share const& share) {
  auto const first = z.data.begin() + static_cast<std::ptrdiff_t>(share.begin * z.extent(1));
  return Array({share.count, z.extent(1)},
               std::vector<double>(first, first + static_cast<std::ptrdiff_t>(share.count * z.extent(1))));
}

/// All ranks together and one rank alone with all samples: the rate of all, not the mean of the ranks' own.
void compare(krate::comm::Communicator const& comm, std::size_t samples, double frobenius) {
  auto const share = krate::comm::share_of(samples, comm.rank(), comm.size());
  Array const z = filled(7, {samples, 5});
  auto const labels = labels_in_turn(samples, 3);
  std::vector<int> const mine(labels.begin() + static_cast<std::ptrdiff_t>(share.begin),
                              labels.begin() + static_cast<std::ptrdiff_t>(share.begin + share.count));
  krate::Mcr2Objective const objective{.eps_squared = 0.3, .frobenius = frobenius};
  auto const together = run_mcr2<double>(rows_of(z, share), mine, objective, 3, Layout::right, comm),
             alone = run_mcr2<double>(z, labels, objective, 3);
  expect(std::abs(together.loss - alone.loss) <= 1e-13 * std::abs(alone.loss), "the loss differs from one rank's");
  Array const own = rows_of(alone.gradient, share);
  for (std::size_t i = 0; i < own.size(); ++i)
    expect(std::abs(together.gradient.data[i] - own.data[i]) <= 1e-13, "the gradient differs");
  double least = together.loss, most = together.loss;
  least = comm.all_reduce(least, krate::comm::Reduction::min);
  most = comm.all_reduce(most, krate::comm::Reduction::max);
  expect(least == most, "ranks got different bits");
}

}  // namespace

void run_on_ranks() {
  int world_rank = 0, world_size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world_size);
  MPI_Comm half;  // of more than two ranks, even and odd ones work apart; in reversed order
  MPI_Comm_split(MPI_COMM_WORLD, world_size > 2 ? world_rank % 2 : 0, -world_rank, &half);
  {
    krate::comm::Communicator const world(MPI_COMM_WORLD), comm(half);
    for (double const frobenius : {0.0, 0.05}) {
      compare(world, 41, frobenius);
      compare(comm, 30, frobenius);
      compare(world, 3, frobenius);  // of four ranks one has none
    }
    // A stray label on one rank is everyone's failure.
    auto const found = run_mcr2<double>(filled(1, {4, 3}), {0, 1, 0, comm.rank() == comm.size() - 1 ? 2 : 1}, {}, 2,
                                        Layout::right, comm);
    expect(std::isnan(found.loss), "a stray label went unnoticed");
  }
  MPI_Comm_free(&half);
}
