// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/batched_gemm.hpp"
#include "perf/cases/cholesky.hpp"
#include "perf/cases/gemm.hpp"
#include "perf/cases/gram.hpp"
#include "perf/cases/log_det.hpp"
#include "perf/cases/triangular_solve.hpp"
#include "perf/support/bench.hpp"

void krate::perf::add_benchmarks() {
  for (std::size_t const n : {256, 1024}) {
    std::string const size = std::to_string(n);
    GemmSize const square{n, n, n};
    add_both<GemmCase>("gemm/NN/" + size, [&](auto& o) { o = {square, "N"}; });
    add_both<GemmCase>("gemm/TN/" + size, [&](auto& o) { o = {square, "T"}; });
    add_both<VendorGemmCase>("vendor_gemm/NN/" + size, [&](auto& o) { o = square; });
    add_both<CholeskyCase>("cholesky/" + size, [&](auto& o) { o = {n}; });
    add_both<TriangularSolveCase>("triangular_solve/" + size, [&](auto& o) { o = {n, n}; });
    add_both<GramCase>("gram/4096x" + size, [&](auto& o) { o = {4096, n}; });
  }
  add_both<GemmCase>("gemm/NN/1576x576x576", [](auto& o) { o = {{1576, 576, 576}, "N"}; });
  add_both<VendorGemmCase>("vendor_gemm/NN/1576x576x576", [](auto& o) { o = {1576, 576, 576}; });
  add_both<BatchedGemmCase>("batched_gemm/8x12x197x48", [](auto& o) { o = {8, 12, 197, 48}; });
  add_both<LogDetCase>("log_det/64x128", [](auto& o) { o = {64, 128}; });
}
