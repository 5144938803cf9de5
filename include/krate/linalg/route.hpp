// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate {

/// Which code an operation runs, and shows to profilers: BLAS or LAPACK as a region "krate::gemm[vendor]", oneDNN (for
/// large float products on hosts) as "krate::gemm[onednn]", the portable kernel as a kernel "krate::gemm::portable".
enum class Route {
  automatic,  ///< the fastest library that can take the operands, else the portable kernel
  vendor,     ///< BLAS and LAPACK; NotBuiltError or ShapeError where they cannot
  portable    ///< krate's own Kokkos kernel
};

}  // namespace krate
