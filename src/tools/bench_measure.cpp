// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench_measure.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/json.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

namespace {

constexpr double warm_seconds = 0.2;  // threads are awake and clocks are up by then

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::size_t const middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

Bench::Bench(Context& context, std::int64_t repeat, double seconds)
    : context_(context), repeat_(repeat), limit_(seconds) {
  require_value(repeat >= 1 && repeat <= 1'000'000, "krate::bench", "--repeat", repeat,
                "must be between 1 and 1000000");
}

void Bench::require_memory(double bytes) {
  auto const machine = static_cast<double>(memory_bytes());
  if (impl::is_device<Space> || bytes <= machine) return;
  char text[160];
  std::snprintf(text, sizeof text,
                "it takes at least %.3g GB of memory, but this machine has %.3g GB; choose smaller sizes", 1e-9 * bytes,
                1e-9 * machine);
  throw ValueError("krate::bench", text);
}

Bench::Times Bench::time(FunctionRef<void()> work) {
  Space const& space = context_.space();
  auto const& comm = context_.comm();
  Times times;
  bool more = true;
  for (Kokkos::Timer const warm; more; comm.broadcast(more)) {
    work();
    space.fence(KRATE_LABEL("krate::tools::bench: warm-up"));
    more = warm.seconds() < warm_seconds;
  }
  context_.reset_peak_bytes();
  more = true;
  for (Kokkos::Timer const all; more; comm.broadcast(more)) {
    comm.barrier();
    Kokkos::Timer const clock;
    work();
    space.fence(KRATE_LABEL("krate::tools::bench: stop"));
    times.seconds.push_back(clock.seconds());
    more = static_cast<std::int64_t>(times.seconds.size()) < repeat_ && all.seconds() < limit_;
  }
  times.peak_bytes = context_.peak_bytes();
  comm.all_reduce(std::span<double>(times.seconds), comm::Reduction::max);
  return times;
}

double Bench::together(FunctionRef<double()> measure) {
  auto const& comm = context_.comm();
  comm.barrier();
  return comm.all_reduce(measure());
}

Json Bench::record(std::string const& name, Json config, Times const& times, perf::Cost cost, perf::Roof const& roof) {
  Space const& space = context_.space();
  auto const& comm = context_.comm();
  cost = {comm.all_reduce(cost.flops), comm.all_reduce(cost.bytes)};
  double const best = *std::min_element(times.seconds.begin(), times.seconds.end());
  return {{"case", name},
          {"config", std::move(config)},
          {"repeat", times.seconds.size()},
          {"seconds_min", best},
          {"seconds_median", median(times.seconds)},
          {"flops", static_cast<std::int64_t>(cost.flops)},
          {"bytes", static_cast<std::int64_t>(cost.bytes)},
          {"gflop_per_s", finite_or_null(1e-9 * cost.flops / best)},
          {"gb_per_s", finite_or_null(1e-9 * cost.bytes / best)},
          {"roof_percent", finite_or_null(100 * roof.seconds(cost) / best)},
          {"peak_bytes", comm.all_reduce(static_cast<std::int64_t>(times.peak_bytes), comm::Reduction::max)},
          {"device", device_name(space)},
          {"threads", impl::is_device<Space> ? 0 : space.concurrency()},
          {"ranks", comm.size()}};
}

}  // namespace krate::tools
