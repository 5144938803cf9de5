// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a team does with the small matrices of one game; all are row-major without gaps.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"
#include "linalg/impl/team.hpp"

namespace krate::games::impl {

/// f(0 .. count - 1), shared by the team.
template <class Space, class F>
KOKKOS_INLINE_FUNCTION void each(krate::impl::RowMember<Space> const& team, int count, F const& f) {
  if constexpr (krate::impl::is_device<Space>) {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, count), f);
    team.team_barrier();
  } else {
    for (int i = 0; i < count; ++i) f(i);  // a loop that compilers can turn into vectors
  }
}

/// Sum of f(i, sum) over 0 .. count - 1, known to all of the team.
template <class Space, class F>
KOKKOS_INLINE_FUNCTION double total(krate::impl::RowMember<Space> const& team, int count, F const& f) {
  double sum = 0;
  if constexpr (krate::impl::is_device<Space>) {
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, count), [&](int i, double& s) { s += f(i); }, sum);
    team.team_barrier();
  } else {
    for (int i = 0; i < count; ++i) sum += f(i);
  }
  return sum;
}

template <class Space>
struct TeamProducts {
  using Member = krate::impl::RowMember<Space>;
  using Vendor = krate::impl::Team<Space, double, krate::impl::has_host_blas<Space>>;
  using Portable = krate::impl::Team<Space, double, false>;

  Member const& team;

  KOKKOS_INLINE_FUNCTION void barrier() const {
    if constexpr (krate::impl::is_device<Space>) team.team_barrier();
  }

  KOKKOS_INLINE_FUNCTION static krate::Strided<double, Space> view(double* a, int rows, int columns) {
    return krate::Strided<double, Space>(a, Kokkos::LayoutStride(rows, columns, columns, 1));
  }
  KOKKOS_INLINE_FUNCTION static krate::ConstStrided<double, Space> view(double const* a, int rows, int columns) {
    return krate::ConstStrided<double, Space>(a, Kokkos::LayoutStride(rows, columns, columns, 1));
  }
  KOKKOS_INLINE_FUNCTION static krate::ConstStrided<double, Space> turned(double const* a, int rows, int columns) {
    return krate::ConstStrided<double, Space>(a, Kokkos::LayoutStride(rows, 1, columns, rows));
  }

  /// c [m, n] = alpha a b + beta c, a [m, k], b [k, n]
  KOKKOS_INLINE_FUNCTION void nn(int m, int n, int k, double alpha, double const* a, double const* b, double beta,
                                 double* c) const {
    Vendor::gemm(team, alpha, view(a, m, k), view(b, k, n), beta, view(c, m, n));
    barrier();
  }
  /// b stands as [n, k]
  KOKKOS_INLINE_FUNCTION void nt(int m, int n, int k, double alpha, double const* a, double const* b, double beta,
                                 double* c) const {
    Vendor::gemm(team, alpha, view(a, m, k), turned(b, k, n), beta, view(c, m, n));
    barrier();
  }
  /// a stands as [k, m]
  KOKKOS_INLINE_FUNCTION void tn(int m, int n, int k, double alpha, double const* a, double const* b, double beta,
                                 double* c) const {
    Vendor::gemm(team, alpha, turned(a, m, k), view(b, k, n), beta, view(c, m, n));
    barrier();
  }

  KOKKOS_INLINE_FUNCTION void copy(int count, double const* from, double* to) const {
    each<Space>(team, count, [=](int i) { to[i] = from[i]; });
  }
  KOKKOS_INLINE_FUNCTION void add_identity(int n, double* a) const {
    each<Space>(team, n, [=](int i) { a[i * (n + 1)] += 1; });
  }

  /// Lower factor in place. A matrix that is not positive definite gets NaN on its diagonal, which nothing hides.
  KOKKOS_INLINE_FUNCTION void factor(int n, double* a) const {
    n <= small ? Portable::cholesky(team, a, n) : Vendor::cholesky(team, a, n);
    barrier();
  }
  KOKKOS_INLINE_FUNCTION double log_det(int n, double const* factor) const {
    return total<Space>(team, n, [=](int i) { return 2 * Kokkos::log(factor[i * (n + 1)]); });
  }
  /// b [n, columns] = (L L^T)^-1 b
  KOKKOS_INLINE_FUNCTION void solve(int n, int columns, double const* l, double* b) const {
    if (krate::impl::is_device<Space> || n > small) {
      Vendor::solve(team, false, view(l, n, n), view(b, n, columns));
      Vendor::solve(team, true, view(l, n, n), view(b, n, columns));
      return;
    }
    for (int i = 0; i < n; ++i) {
      for (int k = 0; k < i; ++k) subtract(columns, l[i * n + k], b + k * columns, b + i * columns);
      scale(columns, 1 / l[i * (n + 1)], b + i * columns);
    }
    for (int i = n; i-- > 0;) {
      for (int k = i + 1; k < n; ++k) subtract(columns, l[k * n + i], b + k * columns, b + i * columns);
      scale(columns, 1 / l[i * (n + 1)], b + i * columns);
    }
  }
  /// rows [m, n] = rows (L L^T)^-1
  KOKKOS_INLINE_FUNCTION void solve_right(int m, int n, double const* l, double* rows) const {
    krate::Strided<double, Space> const columns(rows, Kokkos::LayoutStride(n, 1, m, n));
    Vendor::solve(team, false, view(l, n, n), columns);
    Vendor::solve(team, true, view(l, n, n), columns);
    barrier();
  }

 private:
  static constexpr int small = 20;  // below it calls of LAPACK cost more than what they do

  KOKKOS_INLINE_FUNCTION static void subtract(int n, double factor, double const* from, double* to) {
    for (int j = 0; j < n; ++j) to[j] -= factor * from[j];
  }
  KOKKOS_INLINE_FUNCTION static void scale(int n, double factor, double* row) {
    for (int j = 0; j < n; ++j) row[j] *= factor;
  }
};

}  // namespace krate::games::impl
