// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/gradient_clip.hpp"
#include "perf/cases/optimizer.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  for (std::size_t const count : {1'000'000, 22'000'000}) {
    std::string const size = std::to_string(count);
    add_both<AdamWCase>("adamw/" + size, [&](auto& o) { o = {count}; });
    add_both<LionCase>("lion/" + size, [&](auto& o) { o = {count}; });
    add_both<GradientClipCase>("gradient_clip/" + size, [&](auto& o) { o = {count}; });
  }
}
