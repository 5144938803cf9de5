// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/ista.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  add_ways<IstaCase>("ista/1576x576", [](auto& o) { o = {1576, 576}; });
  add_ways<IstaCase>("ista/4096x384", [](auto& o) { o = {4096, 384}; });
  add_ways<IstaCase>("ista/1576x768", [](auto& o) { o = {1576, 768}; });
}
