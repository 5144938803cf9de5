// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/flatnet.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  using Options = FlatnetCase<Space, double>::Options;
  for (Options const& o : {Options{50, 2, 1, 200}, Options{1000, 100, 5, 20}, Options{6000, 100, 10, 2}})
    add<FlatnetCase<Space, double>>("flatnet/" + std::to_string(o.samples) + "x" + std::to_string(o.dim) + "/" +
                                        std::to_string(o.manifold_dim) + "/double",
                                    o);
}
