// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ReduNet of samples that lie on several ranks, on a split communicator; each rank checks and prints for itself.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "rate/redunet_runs.hpp"
#include "support/ranks.hpp"

namespace {

int reductions = 0;  // of this rank
}
// Every all-reduce of krate's makes one such call; MPI lets a program see it.
extern "C" int MPI_Alltoallv(void const* sent, int const* sent_counts, int const* sent_at, MPI_Datatype sent_type,
                             void* received, int const* counts, int const* at, MPI_Datatype type, MPI_Comm comm) {
  ++reductions;
  return PMPI_Alltoallv(sent, sent_counts, sent_at, sent_type, received, counts, at, type, comm);
}

namespace {

Array rows_of(Array const& z, krate::comm::Share const& share) {
  auto const first = z.data.begin() + static_cast<std::ptrdiff_t>(share.begin * z.extent(1));
  return Array({share.count, z.extent(1)},
               std::vector<double>(first, first + static_cast<std::ptrdiff_t>(share.count * z.extent(1))));
}

bool same_on_all_ranks(krate::comm::Communicator const& comm, Array const& a) {
  auto least = a.data, most = a.data;
  comm.all_reduce(std::span<double>(least), krate::comm::Reduction::min);
  comm.all_reduce(std::span<double>(most), krate::comm::Reduction::max);
  return least == most;
}

/// Layer after layer, all ranks together and one rank alone with all samples.
void compare(krate::comm::Communicator const& comm, std::size_t samples) {
  auto const share = krate::comm::share_of(samples, comm.rank(), comm.size());
  Array z = krate::testing::unit_rows(filled(7, {samples, 5}));
  auto const labels = labels_in_turn(samples, 3);
  std::vector<int> const mine(labels.begin() + static_cast<std::ptrdiff_t>(share.begin),
                              labels.begin() + static_cast<std::ptrdiff_t>(share.begin + share.count));
  krate::ClassRateOptions const options{.eps_squared = 0.3, .classes = 3};
  krate::RedunetStep const step{.eta = 0.5, .lambda_s = 10};
  Array part = rows_of(z, share);
  for (int l = 0; l < 5; ++l) {
    reductions = 0;
    auto const together = build_layer<double>(part, mine, options, Layout::right, comm);
    expect(reductions == (comm.size() > 1 ? 1 : 0), "a layer takes one all-reduce");
    auto const alone = build_layer<double>(z, labels, options);
    expect(!together.failed, "a layer failed");
    expect(worst_error(to_array(together.expansion), to_array(alone.expansion)) <= 1e-12, "E differs from one rank's");
    expect(worst_error(to_array(together.compression), to_array(alone.compression)) <= 1e-12, "C differs");
    expect(worst_error(to_array(together.weights), to_array(alone.weights)) <= 1e-15, "the weights differ");
    expect(worst_error(together.rates, alone.rates) <= 1e-12, "the rates differ");
    expect(same_on_all_ranks(comm, to_array(together.expansion)) &&
               same_on_all_ranks(comm, to_array(together.compression)) && same_on_all_ranks(comm, together.rates),
           "ranks got different bits");
    part = forward_layer<double>(part, together, step).z;
    z = forward_layer<double>(z, alone, step).z;
    expect(part.size() == 0 || worst_error(part, rows_of(z, share)) <= 1e-11, "the features differ");
  }
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
    compare(world, 41);
    compare(comm, 30);
    compare(world, 3);  // of four ranks one has none

    // A stray label on one rank is everyone's failure.
    Array const z = krate::testing::unit_rows(filled(1, {4, 3}));
    auto const layer = build_layer<double>(z, {0, 1, 0, comm.rank() == comm.size() - 1 ? 2 : 1},
                                           {.eps_squared = 0.1, .classes = 2}, Layout::right, comm);
    expect(layer.failed, "a stray label went unnoticed");
  }
  MPI_Comm_free(&half);
}
