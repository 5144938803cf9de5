// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/mssa.hpp"
#include "perf/cases/mssa_layer.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/tssa.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  MssaSize const sizes[] = {{64, 6, 65, 64}, {8, 12, 197, 48}, {2, 12, 577, 48}, {1, 12, 1025, 48}};
  for (auto const& s : sizes) {
    std::string const name = std::to_string(s.batch) + "x" + std::to_string(s.heads) + "x" + std::to_string(s.tokens) +
                             "x" + std::to_string(s.head_dim);
    add_ways<MssaCase>("mssa/" + name, [&](auto& o) { o = s; });
  }
  add_ways<MultiHeadCase>("multi_head/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
  add_ways<MultiHeadCase>("multi_head_causal/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48, false, true}; });
  add_ways<TssaCase>("tssa/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
  add_ways<TssaCase>("tssa_causal/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48, false, true}; });
  add_ways<MssaLayerCase>("mssa_layer/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
}
