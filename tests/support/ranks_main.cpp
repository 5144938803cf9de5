// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cstdio>

#include "support/ranks.hpp"

static int failures = 0;

void expect(bool good, char const* what) {
  if (good) return;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::printf("rank %d: %s\n", rank, what);
  ++failures;
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  run_on_ranks();
  Kokkos::finalize();
  MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
