// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/support/bench.hpp"

// What the machine does without krate.
void krate::perf::add_benchmarks() {
  add_both<TriadCase>("triad", [](auto&) {});
  for (std::size_t const n : {512, 2048}) {
    add_both<VendorGemmCase>("vendor_gemm/" + std::to_string(n), [&](auto& o) { o = {n, n, n}; });
  }
}
