// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A case of `krate bench`, and what their options have in common.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "krate/core/error.hpp"
#include "tools/bench_measure.hpp"
#include "tools/options.hpp"

namespace krate::tools {

struct BenchCase {
  char const *name, *about;
  char const* details;  ///< what is timed, for --help
  OptionTable (*options)();
  Json (*run)(Bench& bench, BenchCase const& self, OptionTable const& options);
};

/// Whole models; layers and rates; games and FlatNet; a simulation's fields and the machine itself.
std::span<BenchCase const> model_cases();
std::span<BenchCase const> layer_cases();
std::span<BenchCase const> game_cases();
std::span<BenchCase const> machine_cases();

/// All values of a table by key.
Json config_of(OptionTable const& options);

inline Option& add_size(OptionTable& table, char const* name, std::int64_t fallback, char const* help) {
  return table.add<std::int64_t>(name, fallback, help).at_least(1).at_most(1 << 24);
}
inline void add_precision(OptionTable& table) {
  table.add<std::string>("precision", "fp32", "Arithmetic").one_of({"fp32", "fp64", "bf16"});
}

/// Measures Case<Space, T>, T as --precision says; `fill` sets its options.
template <template <class, class> class Case, class Fill>
Json run_case(Bench& bench, BenchCase const& self, OptionTable const& o, Fill const& fill) {
  auto const run = [&]<class T>(T) {
    typename Case<Space, T>::Options options;
    fill(options);
    return bench.run<Case<Space, T>>(self.name, config_of(o), options);
  };
  auto const precision = o.get<std::string>("precision");
  if (precision == "bf16") {
    throw NotBuiltError("krate::bench", "--precision bf16 is not built yet; use fp32 or fp64");
  }
  return precision == "fp64" ? run(double()) : run(float());
}

}  // namespace krate::tools
