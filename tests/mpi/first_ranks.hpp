// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "mpi/ranks.hpp"

namespace krate::testing {

/// Ranks 0 .. size-1 of the world; the others get no communicator to work with.
struct FirstRanks {
  MPI_Comm mpi = MPI_COMM_NULL;
  bool member;
  explicit FirstRanks(int size) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    member = rank < size;
    MPI_Comm_split(MPI_COMM_WORLD, member ? 0 : MPI_UNDEFINED, rank, &mpi);
  }
  ~FirstRanks() {
    if (mpi != MPI_COMM_NULL) MPI_Comm_free(&mpi);
  }
};

}  // namespace krate::testing
