// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/csc.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  add_ways<CscCase>("csc/32x16x16x64x128", [](auto& o) { o = {{32, 64, 16, 16, 128, 4, 2, 1}}; });
  add_ways<CscCase>("csc/64x28x28x1x64", [](auto& o) { o = {{64, 1, 28, 28, 64, 4, 2, 1}}; });
  add_ways<CscCase>("csc/256x4x4x256x512", [](auto& o) { o = {{256, 256, 4, 4, 512, 4, 1, 0}}; });
}
