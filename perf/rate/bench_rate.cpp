// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/class_coding_rate.hpp"
#include "perf/cases/class_moments.hpp"
#include "perf/cases/coding_rate.hpp"
#include "perf/cases/in_situ.hpp"
#include "perf/cases/rate_distance.hpp"
#include "perf/cases/soft_coding_rate.hpp"
#include "perf/cases/sparse_rate_reduction.hpp"
#include "perf/cases/subspace_coding_rate.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  for (std::size_t const dim : {8, 16, 32, 64})
    for (bool const left : {false, true})
      for (bool const gradient : {false, true})
        add_both<InSituCase>("in_situ/1000000x" + std::to_string(dim) + (left ? "/left" : "/right") +
                                 (gradient ? "/gradient" : "/value"),
                             [&](auto& o) {
                               o = {1000000, dim, left, gradient};
                             });
  add_both<CodingRateCase>("coding_rate/10000x512", [](auto& o) { o = {10000, 512}; });
  add_both<CodingRateCase>("coding_rate/2000x1024", [](auto& o) { o = {2000, 1024}; });
  add_both<ClassCodingRateCase>("class_coding_rate/10000x512/10", [](auto& o) { o = {10000, 512, 10}; });
  add_both<ClassCodingRateCase>("class_coding_rate/10000x512/100", [](auto& o) { o = {10000, 512, 100}; });
  add_both<SoftCodingRateCase>("soft_coding_rate/4000x128/10", [](auto& o) { o = {4000, 128, 10}; });
  add_both<ClassMomentsCase>("class_moments/10000x512/10", [](auto& o) { o = {10000, 512, 10}; });
  add_both<ClassMomentsCase>("class_moments/10000x512/100", [](auto& o) { o = {10000, 512, 100}; });
  add_both<SubspaceCodingRateCase>("subspace_coding_rate/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
  add_both<SparseRateReductionCase>("sparse_rate_reduction/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
  add_both<RateDistanceCase>("rate_distance/2048x128", [](auto& o) { o = {2048, 128}; });
}
