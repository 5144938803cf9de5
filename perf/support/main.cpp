// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdlib>

#include "krate/version.hpp"
#include "perf/support/bench.hpp"

int main(int argc, char** argv) {
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  benchmark::Initialize(&argc, argv);
  int const unknown = benchmark::ReportUnrecognizedArguments(argc, argv);
  if (!unknown) {
    using namespace krate::perf;
    Space const space;
    double const bandwidth = triad_peak(space);
    float_roof = {product_peak<float>(space), bandwidth};
    double_roof = {product_peak<double>(space), bandwidth};
    char const* const bind = std::getenv("OMP_PROC_BIND");
    benchmark::AddCustomContext("krate", krate::version());
    benchmark::AddCustomContext("commit", krate::git_commit());
    benchmark::AddCustomContext("build", krate::build_info());
    benchmark::AddCustomContext("space", Space::name());
    benchmark::AddCustomContext("threads", std::to_string(space.concurrency()));
    benchmark::AddCustomContext("OMP_PROC_BIND", bind ? bind : "");
    benchmark::AddCustomContext("float_gflop_per_s", std::to_string(1e-9 * float_roof.flop_per_s));
    benchmark::AddCustomContext("double_gflop_per_s", std::to_string(1e-9 * double_roof.flop_per_s));
    benchmark::AddCustomContext("triad_gb_per_s", std::to_string(1e-9 * bandwidth));
    add_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
  }
  benchmark::Shutdown();
  Kokkos::finalize();
  return unknown ? 1 : 0;
}
