// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How `krate bench` measures: warm up, repeat, compare with the machine's own roof.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "krate/core/function_ref.hpp"
#include "perf/cases/roof.hpp"
#include "tools/context.hpp"
#include "tools/memory.hpp"

// Loops that must be fast: compiled in peaks.cpp alone.
extern template double krate::perf::product_peak<float>(krate::tools::Space const&);
extern template double krate::perf::product_peak<double>(krate::tools::Space const&);
extern template double krate::perf::triad_peak(krate::tools::Space const&);

namespace krate::tools {

/// Measures one case after another in one process. Under several ranks all of them run a case at the same time; time is
/// that of the slowest, memory that of the largest, operations, bytes and the roof are added up. All members are
/// collective.
class Bench {
 public:
  /// @param repeat   timed runs of a case
  /// @param seconds  after so long a case gets no further run; it has one at least
  explicit Bench(Context& context, std::int64_t repeat, double seconds = std::numeric_limits<double>::infinity());

  /// The record of one case, its keys in the contract's order.
  /// @throws ValueError if it cannot fit into this machine's memory
  template <class Case>
  Json run(std::string const& name, Json config, typename Case::Options const& options) {
    require_memory(Case::least_memory(options));
    Times times;
    perf::Cost cost;
    {
      Space const& space = context_.space();
      return_free_memory();  // of the cases before
      Case c(space, options);
      times = time([&] { c.run(space); });
      cost = c.cost();
    }
    return record(name, std::move(config), times, cost, roof_of<Case>());
  }

  /// The case's own, if it has one.
  template <class Case>
  perf::Roof roof_of() {
    Space const& space = context_.space();
    if constexpr (requires { Case::roof(space); }) {
      perf::Roof const own = Case::roof(space);
      return {together([&] { return own.flop_per_s; }), together([&] { return own.byte_per_s; })};
    } else {
      return roof<typename Case::Arithmetic>();
    }
  }

  /// Of all ranks together; measured at the first call, after memory of cases is free again.
  template <class T>
  perf::Roof roof() {
    Space const& space = context_.space();
    if (bandwidth_ == 0) bandwidth_ = together([&] { return perf::triad_peak(space); });
    double& peak = std::is_same_v<T, float> ? float_peak_ : double_peak_;
    if (peak == 0) peak = together([&] { return perf::product_peak<T>(space); });
    return {peak, bandwidth_};
  }

  Context& context() { return context_; }

 private:
  struct Times {
    std::vector<double> seconds;
    std::size_t peak_bytes = 0;
  };
  static void require_memory(double bytes);
  Times time(FunctionRef<void()> work);
  Json record(std::string const& name, Json config, Times const& times, perf::Cost cost, perf::Roof const& roof);
  double together(FunctionRef<double()> measure);

  Context& context_;
  std::int64_t repeat_;
  double limit_;
  double float_peak_ = 0, double_peak_ = 0, bandwidth_ = 0;
};

}  // namespace krate::tools
