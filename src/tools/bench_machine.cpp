// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/gemm.hpp"
#include "perf/cases/in_situ.hpp"
#include "perf/cases/roof.hpp"
#include "tools/bench_case.hpp"

namespace krate::tools {

namespace {

OptionTable in_situ_options() {
  OptionTable o("krate::bench");
  add_size(o, "samples", 2000000, "Cells");
  add_size(o, "dim", 16, "Quantities of a cell");
  o.add<std::string>("layout", "right", "Together in memory: a cell's quantities (right) or a quantity (left)")
      .one_of({"right", "left"});
  o.add<bool>("gradient", false, "Time value and gradient together");
  o.add<std::string>("precision", "fp64", "Scalar of the cells").one_of({"fp32", "fp64", "bf16"});
  return o;
}

Json run_in_situ(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::InSituCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("samples"), o.get<std::size_t>("dim"), o.get<std::string>("layout") == "left",
               o.get<bool>("gradient")};
  });
}

OptionTable product_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("size", 2048, "Rows and columns of the matrices").at_least(1).at_most(1 << 24);
  add_precision(o);
  return o;
}

Json run_product(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::VendorGemmCase>(
      bench, self, o, [&](auto& options) { options.m = options.n = options.k = o.get<std::size_t>("size"); });
}

OptionTable triad_options() {
  OptionTable o("krate::bench");
  auto const fallback = static_cast<std::int64_t>(perf::TriadCase<Space, double>::Options().elements);
  o.add<std::int64_t>("elements", fallback, "Length of the arrays").at_least(1).at_most(0x1p40);
  add_precision(o);
  return o;
}

Json run_triad(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::TriadCase>(bench, self, o,
                                   [&](auto& options) { options.elements = o.get<std::size_t>("elements"); });
}

}  // namespace

std::span<BenchCase const> machine_cases() {
  static constexpr BenchCase cases[] = {
      {"in-situ", "Coding rate of a simulation's field",
       "Timed: reset, add and result of a RateAccumulator on this rank's cells; with --gradient also the gradient. "
       "Here "
       "the\n"
       "roof is that of a stream that is only read, and of multiply-adds in registers.",
       in_situ_options, run_in_situ},
      {"product", "Product of the vendor's library",
       "Timed: C = A B of square matrices by the BLAS itself, without krate.", product_options, run_product},
      {"triad", "Memory bandwidth", "Timed: a = b + s c; three streams are counted.", triad_options, run_triad},
  };
  return cases;
}

}  // namespace krate::tools
