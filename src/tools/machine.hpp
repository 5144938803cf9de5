// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What can be learnt of the machine, for `krate info` and for reports.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/space.hpp"

namespace krate::tools {

struct Processor {
  std::string name;
  std::vector<std::string> features;  ///< those that matter for speed here: avx2, avx512f, amx_bf16, sve, …
};
Processor processor();

std::size_t memory_bytes();
/// When the system gives huge pages: "always", "madvise", "never", or "unknown".
std::string huge_pages();

/// Floats in a SIMD register, as this build uses them.
int simd_floats();

/// The BLAS that is loaded.
struct Blas {
  std::string name;              ///< with its version and options
  std::string kernels;           ///< the processor it has kernels for, "SkylakeX"; empty if it does not tell
  std::string threading;         ///< "openmp", "pthread", "sequential" or "unknown"
  bool below_processor = false;  ///< these kernels leave the processor's AVX-512 unused
};
Blas blas();

/// The machine's name for the place where `space` works: the GPU's or the processor's.
std::string device_name(Space const& space);

/// Highest rates that were measured here and now by this process: what other numbers are compared with.
struct Peaks {
  double float_gflop_per_s = 0, double_gflop_per_s = 0;  ///< large matrix products
  double triad_gb_per_s = 0;                             ///< a = b + s c over arrays beyond the caches
};
/// The best of several runs of each; a second or two.
Peaks measure_peaks(Space const& space);

}  // namespace krate::tools
