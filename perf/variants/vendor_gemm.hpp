// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "perf/cases/gemm.hpp"
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP)
#include <KokkosBlas3_gemm.hpp>
#endif

#if KRATE_HAVE_BLAS
extern "C" {
void sgemm_(char const*, char const*, int const* m, int const* n, int const* k, float const* alpha, float const* a,
            int const* lda, float const* b, int const* ldb, float const* beta, float* c, int const* ldc);
void dgemm_(char const*, char const*, int const* m, int const* n, int const* k, double const* alpha, double const* a,
            int const* lda, double const* b, int const* ldb, double const* beta, double* c, int const* ldc);
}
#endif

namespace krate::perf {

/// The product of the vendor's library, called without krate: what its own products are compared with. Where a build
/// has no vendor library, krate's portable product stands in.
template <class Space, class T>
class VendorGemmCase {
 public:
  using Arithmetic = T;
  using Options = GemmSize;
  VendorGemmCase(Space const& space, Options const& options) : operands_(space, options) {}

  void run([[maybe_unused]] Space const& space) {
    auto const& [a, b, c, arena] = operands_;
#if defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP)
    if constexpr (impl::is_device<Space>) return KokkosBlas::gemm(space, "N", "N", T(1), a, b, T(0), c);
#endif
#if KRATE_HAVE_BLAS
    // BLAS counts columns first: it is asked for the transpose, C^T = B^T A^T.
    int const m = static_cast<int>(c.extent(0)), n = static_cast<int>(c.extent(1)), k = static_cast<int>(a.extent(1));
    T const one = 1, zero = 0;
    if constexpr (std::is_same_v<T, float>) {
      sgemm_("N", "N", &n, &m, &k, &one, b.data(), &n, a.data(), &k, &zero, c.data(), &n);
    } else {
      dgemm_("N", "N", &n, &m, &k, &one, b.data(), &n, a.data(), &k, &zero, c.data(), &n);
    }
#else
    gemm(space, "N", "N", T(1), a, b, T(0), c);
#endif
  }
  Cost cost() const {
    return operands_.cost();
  }
  Matrix<T, Space> output() const {
    return operands_.c;
  }
  static double least_memory(Options const& o) {
    return GemmOperands<Space, T>::least_memory(o);
  }

 private:
  GemmOperands<Space, T> operands_;
};

}  // namespace krate::perf
