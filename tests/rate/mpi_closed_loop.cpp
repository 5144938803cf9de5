// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The value of the closed-loop game on samples that lie on several ranks, in any split, also one that leaves ranks
// without a class or without samples; each rank checks and prints for itself. K9.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "rate/loop_runs.hpp"
#include "support/ranks.hpp"

namespace {

constexpr std::size_t samples = 31, dim = 5;

/// Rounding alone makes 1e-15 of the largest entry where the sets are far apart.
void check_splits(krate::comm::Communicator const& comm, Array const& z, Array const& z_hat) {
  std::vector<int> labels(samples);
  for (std::size_t i = 0; i < samples; ++i)
    labels[i] = static_cast<int>(3 * i / samples);  // sorted: ranks lack classes
  krate::ClosedLoopOptions const options{0.5, 4};
  auto const whole = run_closed_loop<double>(z, z_hat, labels, options);

  auto const check = [&](std::size_t begin, std::size_t count) {
    auto const first = static_cast<std::ptrdiff_t>(begin * dim),
               last = first + static_cast<std::ptrdiff_t>(count * dim);
    auto const part = [&](Array const& a) {
      return Array({count, dim}, std::vector<double>(a.data.begin() + first, a.data.begin() + last));
    };
    auto const mine = run_closed_loop<double>(part(z), part(z_hat),
                                              {labels.begin() + static_cast<std::ptrdiff_t>(begin),
                                               labels.begin() + static_cast<std::ptrdiff_t>(begin + count)},
                                              options, comm);
    for (int i = 0; i < 3; ++i) {
      expect(std::abs(mine.values[i] - whole.values[i]) <= 1e-12, "a value differs from that of all samples");
      expect(comm.all_reduce(mine.values[i], krate::comm::Reduction::min) ==
                 comm.all_reduce(mine.values[i], krate::comm::Reduction::max),
             "ranks got different bits");
    }
    if (count == 0) return;
    expect(worst_error(mine.dz, part(whole.dz)) <= 1e-12, "the gradient of Z differs");
    expect(worst_error(mine.dz_hat, part(whole.dz_hat)) <= 1e-12, "the gradient of what comes back differs");
  };
  auto const share = krate::comm::share_of(samples, comm.rank(), comm.size());
  check(share.begin, share.count);
  check(0, comm.is_root() ? samples : 0);
  std::size_t const before = static_cast<std::size_t>(comm.rank());  // one sample each, and the rest
  check(before, comm.rank() + 1 == comm.size() ? samples - before : 1);
}

}  // namespace

void run_on_ranks() {
  krate::comm::Communicator const comm(MPI_COMM_WORLD);
  Array const z = filled(1, {samples, dim}), other = filled(2, {samples, dim});
  check_splits(comm, z, other);
  Array near = z;
  for (std::size_t i = 0; i < near.size(); ++i) near.data[i] += 1e-3 * other.data[i];
  check_splits(comm, z, near);
}
