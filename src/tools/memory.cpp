// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/memory.hpp"

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <fstream>
#include <mutex>
#include <unordered_map>

namespace krate::tools {

namespace {

// A line "NAME:  123 kB" of the process's status.
std::size_t status_bytes(std::string const& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == name + ":") {
      std::size_t kilobytes = 0;
      status >> kilobytes;
      return 1024 * kilobytes;
    }
    std::getline(status, word);
  }
  return 0;
}

}  // namespace

std::size_t resident_bytes() {
  return status_bytes("VmRSS");
}
std::size_t peak_resident_bytes() {
  return status_bytes("VmHWM");
}
void reset_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";
}
void return_free_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

namespace {

// Blocks that were allocated before the counting began are not known, and their end does not count.
struct Allocations {
  std::mutex mutex;
  std::string space;
  std::unordered_map<void const*, std::size_t> blocks;
  std::size_t now = 0, peak = 0;
};
Allocations& allocations() {
  static Allocations counts;
  return counts;
}

void note_allocation(Kokkos_Profiling_SpaceHandle space, char const*, void const* block, std::uint64_t size) {
  auto& a = allocations();
  std::lock_guard const lock(a.mutex);
  if (a.space != space.name) return;
  a.blocks[block] = size;
  a.now += size;
  a.peak = std::max(a.peak, a.now);
}
void note_release(Kokkos_Profiling_SpaceHandle space, char const*, void const* block, std::uint64_t) {
  auto& a = allocations();
  std::lock_guard const lock(a.mutex);
  auto const known = a.blocks.find(block);
  if (a.space != space.name || known == a.blocks.end()) return;
  a.now -= known->second;
  a.blocks.erase(known);
}

}  // namespace

void count_allocations(std::string const& memory_space) {
  auto& a = allocations();
  std::lock_guard const lock(a.mutex);
  a.space = memory_space;
  a.blocks.clear();
  a.now = a.peak = 0;
  Kokkos::Tools::Experimental::set_allocate_data_callback(note_allocation);
  Kokkos::Tools::Experimental::set_deallocate_data_callback(note_release);
}
std::size_t allocated_bytes() {
  std::lock_guard const lock(allocations().mutex);
  return allocations().now;
}
std::size_t peak_allocated_bytes() {
  std::lock_guard const lock(allocations().mutex);
  return allocations().peak;
}
void reset_peak_allocated() {
  std::lock_guard const lock(allocations().mutex);
  allocations().peak = allocations().now;
}

}  // namespace krate::tools
