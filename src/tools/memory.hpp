// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

namespace krate::tools {

/// Resident memory of this process now, and its highest since the start or the last reset; 0 where the system does not
/// say.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();
/// Starts the peak anew at the present value.
void reset_peak_resident();
/// Gives memory that was freed, but kept for later by the allocator, back to the system.
void return_free_memory();

/// From now on counts what Kokkos allocates in the memory space of that name, for machines whose memory the process's
/// resident memory does not show. One space at a time; it takes the place of a profiling tool's allocation events.
void count_allocations(std::string const& memory_space);
/// Bytes that are allocated now, and most of them since the counting began or the last reset.
std::size_t allocated_bytes();
std::size_t peak_allocated_bytes();
void reset_peak_allocated();

}  // namespace krate::tools
