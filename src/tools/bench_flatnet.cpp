// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/flatnet.hpp"
#include "tools/bench_cases.hpp"

namespace krate::tools {

OptionTable flatnet_bench_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("samples", 1000, "Samples, all of them near the centre").at_least(2).at_most(1 << 24);
  o.add<std::int64_t>("dim", 100, "Numbers of a sample").at_least(2).at_most(1 << 14);
  o.add<std::int64_t>("manifold-dim", 5, "Columns of the frame").at_least(1).at_most(64);
  o.add<std::int64_t>("steps", 200, "Steps of the fit").at_least(1).at_most(1000000);
  return o;
}

Json run_flatnet_bench(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::FlatnetCase<Space, double>::Options const options{o.get<std::size_t>("samples"), o.get<std::size_t>("dim"),
                                                          o.get<std::size_t>("manifold-dim"),
                                                          o.get<std::size_t>("steps")};
  return bench.run<perf::FlatnetCase<Space, double>>(self.name, config_of(o), options);
}

}  // namespace krate::tools
