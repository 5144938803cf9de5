// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one team does with one small matrix, inside kernels that handle many of them, also of different sizes.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"
#include "linalg/impl/vendor.hpp"

#if KRATE_HAVE_BLAS
extern "C" {
void spotrf_(char const* uplo, int const* n, float* a, int const* lda, int* info);
void dpotrf_(char const* uplo, int const* n, double* a, int const* lda, int* info);
void strtri_(char const* uplo, char const* diag, int const* n, float* a, int const* lda, int* info);
void dpotri_(char const* uplo, int const* n, double* a, int const* lda, int* info);
void dtrtri_(char const* uplo, char const* diag, int const* n, double* a, int const* lda, int* info);
}
#endif

namespace krate::impl {

/// Marks a matrix [n, n] whose factorization failed.
template <class T>
KOKKOS_INLINE_FUNCTION void spoil_diagonal(T* a, int n) {
  for (std::int64_t k = 0; k < n; ++k) a[k * (n + 1)] = Kokkos::Experimental::quiet_NaN_v<T>;
}

#if KRATE_HAVE_BLAS
/// Row-major lower Cholesky factor in place; -1, or the first bad pivot.
template <class T>
std::int64_t host_cholesky(T* a, int n) {
  int info = 0;
  // Row-major lower is column-major upper.
  if constexpr (std::is_same_v<T, float>) {
    spotrf_("U", &n, a, &n, &info);
  } else {
    dpotrf_("U", &n, a, &n, &info);
  }
  for (std::int64_t k = 0; k < n && info == 0; ++k)  // a NaN can pass through LAPACK
    if (!(a[k * (n + 1)] > T(0))) info = static_cast<int>(k) + 1;
  if (info != 0) spoil_diagonal(a, n);
  return info - 1;
}

/// Row-major lower triangular inverse, in place.
template <class T>
void host_invert(T* a, int n, int leading) {
  int info = 0;
  if constexpr (std::is_same_v<T, float>) {
    strtri_("U", "N", &n, a, &leading, &info);
  } else {
    dtrtri_("U", "N", &n, a, &leading, &info);
  }
}

/// The inverse of L L^T in place of the row-major factor L, its lower triangle alone.
inline void host_invert_product(double* l, int n) {
  int info = 0;
  dpotri_("U", &n, l, &n, &info);
}

/// B = op(L) B, in place; rows or columns of B are contiguous.
template <class V, class B>
void host_multiply(bool transpose, V const& l, B const& b) {
  using T = typename B::value_type;
  Operand const ol = operand(l), ob = operand(b);
  int const rows = static_cast<int>(b.extent(0)), columns = static_cast<int>(b.extent(1));
  bool const upper = ol.normal;  // see host_solve
  if (ob.normal) {
    Blas<T>::trmm('R', upper ? 'U' : 'L', upper == transpose ? 'T' : 'N', 'N', columns, rows, T(1), l.data(),
                  ol.leading, b.data(), ob.leading);
  } else {
    Blas<T>::trmm('L', upper ? 'U' : 'L', upper == transpose ? 'N' : 'T', 'N', rows, columns, T(1), l.data(),
                  ol.leading, b.data(), ob.leading);
  }
}

/// X in op(L) X = B, in place; rows or columns of B are contiguous.
template <class V, class B>
void host_solve(bool transpose, V const& l, B const& b) {
  using T = typename B::value_type;
  Operand const ol = operand(l), ob = operand(b);
  int const rows = static_cast<int>(b.extent(0)), columns = static_cast<int>(b.extent(1));
  // To BLAS, which counts columns first, a row-major L is the upper L^T.
  bool const upper = ol.normal;
  if (ob.normal) {  // BLAS sees B^T: X^T op(L)^T = B^T, L on the right
    Blas<T>::trsm('R', upper ? 'U' : 'L', upper == transpose ? 'T' : 'N', 'N', columns, rows, T(1), l.data(),
                  ol.leading, b.data(), ob.leading);
  } else {
    Blas<T>::trsm('L', upper ? 'U' : 'L', upper == transpose ? 'N' : 'T', 'N', rows, columns, T(1), l.data(),
                  ol.leading, b.data(), ob.leading);
  }
}
#endif

/// Vendor: BLAS and LAPACK on the one thread of a host team, for operands with a unit stride. Else loops that the
/// team's members share.
template <class Space, class T, bool Vendor>
struct Team {
  using Member = RowMember<Space>;

  /// C = alpha A B + beta C; with beta = 0, C is not read.
  KOKKOS_FUNCTION static void gemm(Member const& team, T alpha, ConstStrided<T, Space> const& a,
                                   ConstStrided<T, Space> const& b, T beta, Strided<T, Space> const& c) {
    int const rows = static_cast<int>(c.extent(0)), columns = static_cast<int>(c.extent(1));
    int const inner = static_cast<int>(a.extent(1));
    if (rows == 0 || columns == 0) return;
#if KRATE_HAVE_BLAS
    if constexpr (Vendor) {
      KOKKOS_IF_ON_HOST((Operand const oa = operand(a); Operand const ob = operand(b); Operand const oc = operand(c);
                         Blas<T>::gemm(ob.normal ? 'N' : 'T', oa.normal ? 'N' : 'T', columns, rows, inner, alpha,
                                       b.data(), ob.leading, a.data(), oa.leading, beta, c.data(), oc.leading);
                         return;))
    }
#endif
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, rows * columns), [&](int e) {
      int const i = e / columns, j = e % columns;
      T sum = 0;
      for (int k = 0; k < inner; ++k) sum += a(i, k) * b(k, j);
      c(i, j) = beta == T(0) ? alpha * sum : alpha * sum + beta * c(i, j);
    });
  }

  /// Lower Cholesky factor of a row-major [n, n], in place, its lower triangle alone; -1, or the first bad pivot.
  KOKKOS_FUNCTION static std::int64_t cholesky(Member const& team, T* a, int n) {
    if (n == 0) return -1;  // LAPACK would complain of a leading dimension of 0
#if KRATE_HAVE_BLAS
    if constexpr (Vendor) {
      std::int64_t pivot = -1;
      KOKKOS_IF_ON_HOST((pivot = host_cholesky(a, n);))
      return pivot;
    }
#endif
    Matrix<T, Space> const l(a, n, n);
    for (int k = 0; k < n; ++k) {
      T square = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, k), [&](int j, T& sum) { sum += l(k, j) * l(k, j); }, square);
      T const pivot = l(k, k) - square;
      team.team_barrier();
      if (!(pivot > T(0))) {
        Kokkos::single(Kokkos::PerTeam(team), [&]() { spoil_diagonal(a, n); });
        team.team_barrier();
        return k;
      }
      T const root = Kokkos::sqrt(pivot);
      Kokkos::single(Kokkos::PerTeam(team), [&]() { l(k, k) = root; });
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, k + 1, n), [&](int i) {
        T sum = l(i, k);
        for (int j = 0; j < k; ++j) sum -= l(i, j) * l(k, j);
        l(i, k) = sum / root;
      });
      team.team_barrier();
    }
    return -1;
  }

  /// X in op(L) X = B, in place: op(L) = L, or L^T if `transpose`.
  KOKKOS_FUNCTION static void solve(Member const& team, bool transpose, ConstStrided<T, Space> const& l,
                                    Strided<T, Space> const& b) {
    int const n = static_cast<int>(b.extent(0)), columns = static_cast<int>(b.extent(1));
    if (n == 0 || columns == 0) return;
#if KRATE_HAVE_BLAS
    if constexpr (Vendor) {
      KOKKOS_IF_ON_HOST((host_solve(transpose, l, b); return;))
    }
#endif
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, columns), [&](int c) { solve_column(transpose, l, b, c); });
    team.team_barrier();
  }

  KOKKOS_FUNCTION static void solve_column(bool transpose, ConstStrided<T, Space> const& l, Strided<T, Space> const& b,
                                           std::int64_t c) {
    int const n = static_cast<int>(b.extent(0));
    for (int step = 0; step < n; ++step) {
      int const i = transpose ? n - 1 - step : step;
      int const begin = transpose ? i + 1 : 0, end = transpose ? n : i;
      T sum = b(i, c);
      for (int k = begin; k < end; ++k) sum -= (transpose ? l(k, i) : l(i, k)) * b(k, c);
      b(i, c) = sum / l(i, i);
    }
  }
};

}  // namespace krate::impl
