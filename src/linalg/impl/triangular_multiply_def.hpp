// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/triangular_inverse_decl.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

/// One work item a column of B: from the last row up, or for the transpose from the first row down, so that what is
/// read has not been overwritten.
template <class Space, class T>
struct MultiplyColumns {
  bool transpose;
  ConstStrided<T, Space> l;
  Strided<T, Space> b;
  KOKKOS_FUNCTION void operator()(std::int64_t c) const {
    int const n = static_cast<int>(b.extent(0));
    for (int step = 0; step < n; ++step) {
      int const i = transpose ? step : n - 1 - step;
      int const begin = transpose ? i : 0, end = transpose ? n : i + 1;
      T sum = 0;
      for (int k = begin; k < end; ++k) sum += (transpose ? l(k, i) : l(i, k)) * b(k, c);
      b(i, c) = sum;
    }
  }
};

template <class Space, class T>
void TriangularMultiply<Space, T>::run(Space const& space, bool transpose, ConstStrided<T, Space> l,
                                       Strided<T, Space> b, Route route) {
  if (b.extent(0) == 0 || b.extent(1) == 0) return;
  bool const possible = has_host_blas<Space> && operand(l).good && operand(b).good;
  if (use_vendor("krate::triangular_multiply", route, possible)) {
#if KRATE_HAVE_BLAS
    if constexpr (has_host_blas<Space>) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::triangular_multiply[vendor]"));
      host_multiply(transpose, l, b);
    }
#endif
    return;
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::triangular_multiply::portable"), elements(space, b.extent(1)),
                       MultiplyColumns<Space, T>{transpose, l, b});
}

}  // namespace krate::impl
