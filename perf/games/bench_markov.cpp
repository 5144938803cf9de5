// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/markov.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  for (std::size_t const replicas : {1, 64})
    for (bool const mersenne : {false, true})
      add<MarkovCase<Space, double>>(
          "markov/4x2/" + std::to_string(replicas) + (mersenne ? "/mersenne" : "/counter") + "/double",
          {4, 2, replicas, 100000, mersenne});
}
