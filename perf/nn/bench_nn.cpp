// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/cross_entropy.hpp"
#include "perf/cases/layer_norm.hpp"
#include "perf/cases/linear.hpp"
#include "perf/cases/patch_embedding.hpp"
#include "perf/cases/pool.hpp"
#include "perf/cases/token_embedding.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  add_ways<LayerNormCase>("layer_norm/197x576", [](auto& o) { o = {197, 576}; });
  add_ways<LayerNormCase>("layer_norm/12608x576", [](auto& o) { o = {12608, 576}; });
  add_ways<LinearCase>("linear/1576x576x576", [](auto& o) { o = {1576, 576, 576}; });
  add_ways<PatchEmbeddingCase>("patch_embedding/8x3x224/16", [](auto& o) { o = {8, 3, 224, 16}; });
  add_ways<TokenEmbeddingCase>("token_embedding/8x197x576", [](auto& o) { o = {8, 197, 576}; });
  add_ways<PoolCase>("pool/8x197x576", [](auto& o) { o = {8, 197, 576}; });
  add_ways<CrossEntropyCase>("cross_entropy/256x1000", [](auto& o) { o = {256, 1000}; });
}
