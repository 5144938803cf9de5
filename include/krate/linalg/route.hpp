// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate {

/// Which code a product or factorization runs. Each shows itself to profilers: the vendor library as a region
/// "krate::gemm[vendor]", the portable kernel as a kernel "krate::gemm::portable" (and so for each operation).
enum class Route {
  automatic,  ///< the vendor library wherever it can take the operands, else the portable kernel
  vendor,     ///< the vendor library; NotBuiltError or ShapeError where it cannot
  portable    ///< krate's own Kokkos kernel
};

}  // namespace krate
