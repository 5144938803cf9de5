// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/launch.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <utility>

#if defined(KOKKOS_ENABLE_OPENMP)
#include <omp.h>
#endif

namespace krate::tools {

std::string environment(char const* name) {
  char const* const value = std::getenv(name);
  return value ? value : "";
}

bool is_launched() {
  for (auto const* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "PALS_RANKID"}) {
    if (std::getenv(name)) return true;
  }
  // Within a batch script or an interactive shell of Slurm there is no step of several tasks.
  return std::getenv("SLURM_STEP_ID") && std::atoi(environment("SLURM_STEP_NUM_TASKS").c_str()) > 1;
}

int launched_rank() {
  for (auto const* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "PALS_RANKID"}) {
    if (std::getenv(name)) return std::atoi(std::getenv(name));
  }
  return is_launched() ? std::atoi(environment("SLURM_PROCID").c_str()) : 0;
}

namespace {

std::vector<int> available_processors() {
  std::vector<int> found;
#if defined(KOKKOS_ENABLE_OPENMP)
  // With pinning on, the first thread is confined to its own place already; OpenMP still knows all of them.
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, processors.data());
    found.insert(found.end(), processors.begin(), processors.end());
  }
#endif
  for (int capacity = 1024; found.empty() && capacity <= (1 << 18); capacity *= 2) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(capacity));
    std::size_t const bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    if (set && sched_getaffinity(0, bytes, set) == 0) {
      for (int i = 0; i < capacity; ++i) {
        if (CPU_ISSET_S(i, bytes, set)) found.push_back(i);
      }
    }
    CPU_FREE(set);
  }
  if (found.empty()) found.push_back(0);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

int topology(int processor, char const* what) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(processor) + "/topology/" + what);
  int value = -1;
  return file >> value ? value : -1;
}

bool uses_all_cores() {
  std::string const asked = environment("OMP_NUM_THREADS");
  auto const cores = static_cast<int>(available_cores().size());
  return cores > 1 && (asked.empty() || std::atoi(asked.c_str()) == cores);
}

bool user_placed_threads() {
  for (auto const* name : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"}) {
    if (std::getenv(name)) return true;
  }
  return false;
}

}  // namespace

std::vector<int> available_cores() {
  std::vector<int> cores;
  std::set<std::pair<int, int>> seen;
  for (int const processor : available_processors()) {
    int const core = topology(processor, "core_id");
    if (core < 0 || seen.insert({topology(processor, "physical_package_id"), core}).second) cores.push_back(processor);
  }
  return cores;
}

int thread_count(comm::Communicator const& comm) {
  if (int const asked = std::atoi(environment("OMP_NUM_THREADS").c_str()); asked > 0) return asked;
  auto const cores = available_cores();
  int sharing = 1;
#if KRATE_ENABLE_MPI
  if (comm.size() > 1) {
    MPI_Comm native = MPI_COMM_NULL;
    MPI_Comm_split_type(comm.native(), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &native);
    comm::Communicator const node(native);
    MPI_Comm_free(&native);
    std::string mine;
    for (int const core : cores) mine += std::to_string(core) + ",";
    sharing = 0;
    for (int r = 0; r < node.size(); ++r) {
      std::string theirs = mine;
      node.broadcast(theirs, r);
      sharing += theirs == mine;
    }
  }
#else
  (void)comm;
#endif
  return std::max(1, static_cast<int>(cores.size()) / sharing);
}

void pin_threads([[maybe_unused]] char** argv) {
#if defined(KOKKOS_ENABLE_OPENMP)
  constexpr char const* guard = "KRATE_PINNED";  // set: this is the second start
  if (std::getenv(guard) || is_launched() || user_placed_threads() || !uses_all_cores()) return;
  setenv(guard, "1", 1);
  setenv("OMP_PROC_BIND", "true", 1);
  setenv("OMP_PLACES", "cores", 1);
  // Waiting threads give way after a few microseconds: on a shared machine a spinning one keeps the core from its
  // partner.
  setenv("GOMP_SPINCOUNT", "10000", 0);
  execv("/proc/self/exe", argv);
  unsetenv("OMP_PROC_BIND");  // it could not be started again: go on without
  unsetenv("OMP_PLACES");
#endif
}

Pinning pinning() {
#if defined(KOKKOS_ENABLE_OPENMP)
  if (omp_get_proc_bind() != omp_proc_bind_false)
    return {true,
            "OMP_PROC_BIND=" + environment("OMP_PROC_BIND") + ", " + std::to_string(omp_get_num_places()) + " places"};
  if (omp_get_max_threads() == 1) return {false, "one thread needs no pinning"};
  return {false, "threads may move between cores; set OMP_PROC_BIND=spread and OMP_PLACES=cores"};
#else
  return {false, "one thread needs no pinning"};
#endif
}

}  // namespace krate::tools
