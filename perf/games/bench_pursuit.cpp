// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/pursuit.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  for (std::size_t const games : {1, 64})
    for (double const noise : {0.0, 1e-2})
      add<PursuitCase<Space, double>>(
          "pursuit/50x40/" + std::to_string(games) + (noise > 0 ? "/noisy" : "/exact") + "/double",
          {.games = games, .inner_steps = 100, .noise = noise});
}
