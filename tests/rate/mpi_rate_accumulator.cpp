// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rate of samples that lie on several ranks, on a split communicator; each rank checks and prints for itself.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "krate/rate/rate_accumulator.hpp"
#include "linalg/operands.hpp"
#include "support/ranks.hpp"
#include "support/rate_oracle.hpp"

namespace {

Array rows_of(Array const& z, std::size_t begin, std::size_t count) {
  auto const first = z.data.begin() + static_cast<std::ptrdiff_t>(begin * z.extent(1));
  return Array({count, z.extent(1)},
               std::vector<double>(first, first + static_cast<std::ptrdiff_t>(count * z.extent(1))));
}

}  // namespace

void run_on_ranks() {
  int world_rank = 0, world_size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world_size);
  int const group = world_size > 2 ? world_rank % 2 : 0;
  MPI_Comm half;  // of more than two ranks, even and odd ones work apart; in reversed order
  MPI_Comm_split(MPI_COMM_WORLD, group, -world_rank, &half);
  {
    krate::comm::Communicator const comm(half);
    TestSpace space;
    Array const z = filled(1 + static_cast<std::uint64_t>(group), {23, 5});
    auto const share = krate::comm::share_of(23, comm.rank(), comm.size());
    auto const mine = view<double, 2>(rows_of(z, share.begin, share.count));
    krate::RateAccumulator<TestSpace, double> rate(space, comm, {.dim = 5, .eps_squared = 0.1});
    rate.add(space, mine);
    double const found = rate.result(space), alpha = alpha_of(z, 0.1), expected = oracle_rate(z, alpha);
    expect(std::abs(found - expected) <= 1e-12 * expected, "the rate differs from that of all samples together");
    expect(comm.all_reduce(found, krate::comm::Reduction::min) == comm.all_reduce(found, krate::comm::Reduction::max),
           "ranks got different bits");
    expect(rate.result(space) == found, "a second result differs");
    auto const g = view<double, 2>(Array({share.count, 5}));
    rate.gradient(space, mine, g);
    expect(worst_error(to_array(g), rows_of(oracle_gradient(z, alpha), share.begin, share.count)) <= 1e-12,
           "the gradient differs from that of all samples together");

    // A NaN on one rank is everyone's NumericalError.
    if (comm.rank() == comm.size() - 1) {
      Array bad = rows_of(z, 0, 1);
      bad(0, 2) = std::numeric_limits<double>::quiet_NaN();
      rate.add(space, view<double, 2>(bad));
    }
    try {
      rate.result(space);
      expect(false, "a NaN went unnoticed");
    } catch (krate::NumericalError const&) {
    }
  }
  MPI_Comm_free(&half);
}
