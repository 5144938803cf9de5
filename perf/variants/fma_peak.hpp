// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "src/core/impl/simd.hpp"

namespace krate::perf {

/// One work item independent chains of multiply-adds, as many as hide their latency.
template <class Space>
struct MultiplyAdds {
  static constexpr int chains = 12, steps = 4096;
  static constexpr int lanes = impl::is_device<Space> ? 1 : impl::simd::width<double>;
  double factor;
  Vector<double, Space> results;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    if constexpr (impl::is_device<Space>) {
      double x[chains];
      for (int c = 0; c < chains; ++c) x[c] = c;
      for (int s = 0; s < steps; ++s)
        for (int c = 0; c < chains; ++c) x[c] = Kokkos::fma(x[c], factor, factor);
      for (int c = 1; c < chains; ++c) x[0] += x[c];
      results(i) = x[0];
    } else {
      KOKKOS_IF_ON_HOST((results(i) = by_registers(factor);))
    }
  }

 private:
  static double by_registers(double factor) {
    using V = impl::simd::Vec<double>;
    V const y = impl::simd::broadcast(factor);
    V x[chains];
    for (int c = 0; c < chains; ++c) x[c] = impl::simd::broadcast(static_cast<double>(c));
    for (int s = 0; s < steps; ++s)
      for (int c = 0; c < chains; ++c) x[c] = impl::simd::fma(x[c], y, y);
    for (int c = 1; c < chains; ++c) x[0] = x[0] + x[c];
    double stored[lanes];
    impl::simd::store(stored, x[0]);
    return stored[0];
  }
};

/// Double multiply-adds in registers: what no kernel can exceed.
template <class Space>
class FmaPeakCase {
 public:
  explicit FmaPeakCase(Space const& space, std::size_t items = impl::is_device<Space> ? 1 << 18 : 1 << 6) {
    arena_ = allocate(space, [&](auto& work) { results_ = work.template take<double>(items); });
  }
  void run(Space const& space) {
    Kokkos::parallel_for(KRATE_LABEL("krate::perf::fma_peak"), impl::elements(space, results_.size()),
                         MultiplyAdds<Space>{0.5, results_});
  }
  Cost cost() const {
    using Item = MultiplyAdds<Space>;
    return {2.0 * Item::chains * Item::steps * Item::lanes * static_cast<double>(results_.size()), 0};
  }
  Vector<double, Space> output() const { return results_; }

 private:
  Vector<double, Space> results_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
