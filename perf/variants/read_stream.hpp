// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "src/core/impl/simd.hpp"

namespace krate::perf {

/// One work item a chunk; a host sums with its widest registers.
template <class Space>
struct SumOfChunk {
  static constexpr std::int64_t length = 4096;
  ConstVector<double, Space> a;
  Vector<double, Space> sums;
  KOKKOS_FUNCTION void operator()(impl::RowMember<Space> const& team) const {
    std::int64_t const chunk = team.league_rank();
    double const* const from = a.data() + chunk * length;
    if constexpr (impl::is_device<Space>) {
      double sum = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, std::int64_t(length)), [&](std::int64_t i, double& part) { part += from[i]; },
          sum);
      Kokkos::single(Kokkos::PerTeam(team), [&]() { sums(chunk) = sum; });
    } else {
      KOKKOS_IF_ON_HOST((sums(chunk) = by_registers(from);))
    }
  }

 private:
  static double by_registers(double const* from) {
    using V = impl::simd::Vec<double>;
    constexpr int chains = 8, w = impl::simd::width<double>;
    V sum[chains];
    for (auto& s : sum) s = impl::simd::broadcast(0.0);
    for (std::int64_t i = 0; i < length; i += chains * w)
      for (int c = 0; c < chains; ++c) sum[c] = sum[c] + impl::simd::load(from + i + c * w);
    for (int c = 1; c < chains; ++c) sum[0] = sum[0] + sum[c];
    double lanes[w], total = 0;
    impl::simd::store(lanes, sum[0]);
    for (double const lane : lanes) total += lane;
    return total;
  }
};

/// Sums over an array far beyond any cache: the bandwidth of memory for one stream that is only read.
template <class Space>
class ReadStreamCase {
 public:
  explicit ReadStreamCase(Space const& space, std::size_t chunks = 12 * 1024) {
    arena_ = allocate(space, [&](auto& work) {
      a_ = work.template take<double>(chunks * SumOfChunk<Space>::length);
      sums_ = work.template take<double>(chunks);
    });
    fill(space, a_, 1.0);
  }
  void run(Space const& space) {
    Kokkos::parallel_for(KRATE_LABEL("krate::perf::read_stream"), impl::rows(space, sums_.size()),
                         SumOfChunk<Space>{a_, sums_});
  }
  Cost cost() const { return {static_cast<double>(a_.size()), static_cast<double>(a_.size()) * sizeof(double)}; }
  Vector<double, Space> output() const { return sums_; }

 private:
  Vector<double, Space> a_, sums_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
