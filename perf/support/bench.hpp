// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registers cases with Google Benchmark, and adds the columns that all of them have.
#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "perf/cases/roof.hpp"

namespace krate::perf {

using Space = std::conditional_t<is_instantiated<Kokkos::DefaultExecutionSpace, float>, Kokkos::DefaultExecutionSpace,
                                 std::conditional_t<is_instantiated<Kokkos::DefaultHostExecutionSpace, float>,
                                                    Kokkos::DefaultHostExecutionSpace, Kokkos::Serial>>;

/// Measured by main() before the first benchmark.
inline Roof float_roof, double_roof;

template <class Case>
void measure(benchmark::State& state, typename Case::Options const& options) {
  Space const space;
  Case c(space, options);
  c.run(space);
  space.fence("krate::perf: warm-up");
  double seconds = 0;
  for (auto _ : state) {
    Kokkos::Timer const clock;
    c.run(space);
    space.fence("krate::perf: stop");
    state.SetIterationTime(clock.seconds());
    seconds += clock.seconds();
  }
  Cost const cost = c.cost();
  Roof const& roof = std::is_same_v<typename Case::Arithmetic, float> ? float_roof : double_roof;
  seconds /= static_cast<double>(state.iterations());
  auto& columns = state.counters;
  columns["flops"] = cost.flops;
  columns["bytes"] = cost.bytes;
  columns["intensity"] = cost.flops / cost.bytes;
  columns["gflop_per_s"] = 1e-9 * cost.flops / seconds;
  columns["gb_per_s"] = 1e-9 * cost.bytes / seconds;
  columns["roof_percent"] = 100 * roof.seconds(cost) / seconds;
  if constexpr (requires { c.tokens(); }) columns["tokens_per_s"] = c.tokens() / seconds;
}

/// One benchmark; the last part of the name is the scalar, "mssa/8x12x197x48/float".
template <class Case>
void add(std::string const& name, typename Case::Options const& options) {
  benchmark::RegisterBenchmark(name.c_str(), [options](benchmark::State& state) { measure<Case>(state, options); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}
template <template <class, class> class Case, class Fill>
void add_both(std::string const& name, Fill const& fill) {
  typename Case<Space, float>::Options single;
  typename Case<Space, double>::Options twice;
  fill(single);
  fill(twice);
  add<Case<Space, float>>(name + "/float", single);
  add<Case<Space, double>>(name + "/double", twice);
}
/// Forward alone, and forward with backward.
template <template <class, class> class Case, class Fill>
void add_ways(std::string const& name, Fill const& fill) {
  for (bool const backward : {false, true}) {
    add_both<Case>(name + (backward ? "/backward" : "/forward"), [&](auto& options) {
      fill(options);
      options.backward = backward;
    });
  }
}

/// Each program's own list.
void add_benchmarks();

}  // namespace krate::perf
