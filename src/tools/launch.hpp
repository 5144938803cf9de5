// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is known before MPI starts: who launched this process, and how its threads should sit on the processor.
#pragma once

#include <string>
#include <vector>

#include "krate/comm/communicator.hpp"

namespace krate::tools {

/// The value of an environment variable, or an empty text.
std::string environment(char const* name);

/// True under mpirun, srun and the like, by the marks that they leave in the environment: only then is MPI worth
/// starting.
bool is_launched();
/// The rank that the launcher announces; 0 without one.
int launched_rank();

/// One entry a processor core that this process may run on: its first hardware thread.
std::vector<int> available_cores();

/// The number of threads for this process: OMP_NUM_THREADS if set, else the available cores, divided among the ranks of
/// this node that were given the very same cores. Collective.
int thread_count(comm::Communicator const& comm);

/// A lone process that uses all of its cores runs better with each thread on a core of its own. OpenMP reads that from
/// the environment before main() begins, so this starts the program once more with it; it returns where there is
/// nothing to do, or where the user has chosen.
void pin_threads(char** argv);

/// How threads are placed: "pinned" or why not.
struct Pinning {
  bool pinned;
  std::string how;
};
Pinning pinning();

}  // namespace krate::tools
