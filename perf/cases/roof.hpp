// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unistd.h>
#include <algorithm>

#include "perf/variants/triad.hpp"
#include "perf/variants/vendor_gemm.hpp"

namespace krate::perf {

/// The highest rates of this machine, measured here and now.
struct Roof {
  double flop_per_s = 0, byte_per_s = 0;

  /// The shortest time in which the machine could do this much.
  double seconds(Cost const& cost) const { return std::max(cost.flops / flop_per_s, cost.bytes / byte_per_s); }
};

/// Seconds of the fastest of several runs, after one that warms up.
template <class Space, class Case>
double fastest(Space const& space, Case& c) {
  constexpr double enough = 0.15;
  constexpr int least = 3;
  c.run(space);
  space.fence("krate::perf::roof: warm-up");
  double best = 1e30;
  Kokkos::Timer const all;
  for (int r = 0; r < least || all.seconds() < enough; ++r) {
    Kokkos::Timer const clock;
    c.run(space);
    space.fence("krate::perf::roof: stop");
    best = std::min(best, clock.seconds());
  }
  return best;
}

/// Operations a second of large products by the vendor's library. It goes on to larger ones as long as they are quick.
template <class T, class Space>
double product_peak(Space const& space) {
  constexpr std::size_t large = impl::is_device<Space> ? 8192 : 2048;
  constexpr double quick = 0.1;
  double best = 0, seconds = 0;
  for (std::size_t n = 1024; n <= large && seconds < quick; n *= 2) {
    VendorGemmCase<Space, T> product(space, {n, n, n});
    seconds = fastest(space, product);
    best = std::max(best, product.cost().flops / seconds);
  }
  return best;
}

/// Bytes a second between memory and processor.
template <class Space>
double triad_peak(Space const& space) {
  typename TriadCase<Space, double>::Options size;
  if (!impl::is_device<Space>) {
    auto const memory =
        static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size.elements = std::min(size.elements, memory / 64 / sizeof(double));
  }
  TriadCase<Space, double> triad(space, size);
  return triad.cost().bytes / fastest(space, triad);
}

}  // namespace krate::perf
