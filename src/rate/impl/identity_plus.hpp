// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// S = I + M, M = alpha A^T A, in double: what its Cholesky factor L says of 1/2 log det S, how far that can be trusted,
// and where it cannot, a factor that never saw M.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"
#include "linalg/impl/team.hpp"

namespace krate::impl {

/// 1/2 log det S, and how much of it rounding in M may have spoiled. Pivot i of S is 1 + excess_i with
/// excess_i = M_ii - sum_{j < i} L_ij^2 >= 0, so that the rate is half the sum of log1p(excess_i): small rates keep
/// their digits, and no rate is negative.
struct FactorRate {
  double rate = 0, growth = 0, most = 0, largest = 0;  ///< sum and largest of M_ii / (1 + excess_i), largest M_ii
  int count = 0;

  /// @param m  M_ii     @param squares  sum_{j < i} L_ij^2     @param pivot  L_ii, NaN where the factorization failed
  KOKKOS_FUNCTION void add(double m, double squares, double pivot) {
    double const excess = m - squares > 0 ? m - squares : 0;
    rate += 0.5 * Kokkos::log1p(Kokkos::isfinite(m) ? excess : Kokkos::Experimental::quiet_NaN_v<double>);
    double const here = pivot == pivot ? m / (1 + excess) : Kokkos::Experimental::infinity_v<double>;
    growth += here;
    most = here > most ? here : most;
    largest = m > largest ? m : largest;
    ++count;
  }
  /// True where fewer than eight digits are sure, or the factorization broke down; not where M has a NaN.
  KOKKOS_FUNCTION bool is_poor() const {
    return 2 * Kokkos::Experimental::epsilon_v<double> * growth > 1e-8 * (rate > 1 ? rate : 1.0) && rate == rate;
  }
  /// The same for an M whose sums were rounded to float: true where fewer than five digits of the rate or of its
  /// gradient are sure, or M is not finite. The rate suffers as above. The gradient suffers by |E| / lambda for the
  /// smallest eigenvalue lambda of S and errors E in M, about sqrt(n) M_ii roundings; lambda is at least 1, and about
  /// (1 + excess)^2 / 4 M_ii for the smallest excess where rows are random.
  /// @param underflow  how much of the trace of M may have been flushed to zero
  KOKKOS_FUNCTION bool is_poor_in_float(double underflow) const {
    constexpr double error = static_cast<double>(Kokkos::Experimental::epsilon_v<float>);
    double const random = most * (4 * most > 1 ? 4 * most : 1.0), spread = largest < random ? largest : random;
    return !(8 * error * growth + underflow <= 1e-5 * rate && 0.5 * error * Kokkos::sqrt(1.0 * count) * spread <= 1e-5);
  }
};

/// sum_{j < i} L_ij^2 of a row of a factor.
template <class Member>
KOKKOS_INLINE_FUNCTION double squares_of_row(Member const& team, double const* row, int i) {
  double squares = 0;
  Kokkos::parallel_reduce(
      Kokkos::TeamVectorRange(team, i), [&](int j, double& sum) { sum += row[j] * row[j]; }, squares);
  return squares;
}

/// @param l  [n, n] row-major     @param diagonal  of M, [n]
template <class Member>
KOKKOS_INLINE_FUNCTION FactorRate rate_of_factor(Member const& team, double const* l, double const* diagonal, int n) {
  FactorRate found;
  for (int i = 0; i < n; ++i) {
    double const* const row = l + static_cast<std::int64_t>(i) * n;
    found.add(diagonal[i], squares_of_row(team, row, i), row[i]);
  }
  return found;
}

/// The factor by plane rotations of the rows of sqrt(alpha) A into the identity, row after row: its error grows with
/// the condition of A, not with that of M. Slow, for the rare case.
/// @param a  [rows, n] any layout     @param l  [n, n] row-major, written     @param x  scratch [n]
/// @return   1/2 log det S
template <class Member, class A>
KOKKOS_INLINE_FUNCTION double factor_by_rotations(Member const& team, double alpha, A const& a, double* l, double* x,
                                                  int n) {
  team.team_barrier();  // the caller has read what is written here
  double const scale = Kokkos::sqrt(alpha);
  auto const entry = [=](int i, int j) -> double& { return l[static_cast<std::int64_t>(i) * n + j]; };
  Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int i) {
    for (int j = 0; j < n; ++j) entry(i, j) = i == j ? 1 : 0;
  });
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(a.extent(0)); ++row) {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n),
                         [&](int j) { x[j] = scale * static_cast<double>(a(row, j)); });
    team.team_barrier();
    for (int k = 0; k < n; ++k) {  // the upper triangle holds L^T
      double const r = entry(k, k), y = x[k];
      if (y == 0) continue;
      double const length = Kokkos::sqrt(r * r + y * y), c = r / length, s = y / length;
      team.team_barrier();
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, k, n), [&](int j) {
        double const up = entry(k, j), down = x[j];
        entry(k, j) = c * up + s * down;
        x[j] = c * down - s * up;
      });
      team.team_barrier();
    }
  }
  Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int i) {
    for (int j = 0; j < i; ++j) entry(i, j) = entry(j, i);
  });
  team.team_barrier();
  double rate = 0;
  for (int i = 0; i < n; ++i) rate += Kokkos::log(entry(i, i));
  return rate > 0 ? rate : rate == rate ? 0 : rate;
}

/// The factor of S with a little more of the identity, enough that it exists whatever rounding did to M: for where the
/// rows of A are gone.
/// @param l  [n, n] row-major; its strictly upper triangle holds that of M     @param diagonal  of M
/// @return   1/2 log det S
template <class Space>
KOKKOS_INLINE_FUNCTION double factor_with_ridge(RowMember<Space> const& team, double* l, double const* diagonal,
                                                int n) {
  double largest = 0;
  for (int i = 0; i < n; ++i) largest = diagonal[i] > largest ? diagonal[i] : largest;
  double const ridge = 4 * n * Kokkos::Experimental::epsilon_v<double> * largest;
  Matrix<double, Space> const factor(l, n, n);
  team.team_barrier();
  Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int i) {
    for (int j = 0; j < i; ++j) factor(i, j) = factor(j, i);
    factor(i, i) = 1 + ridge + diagonal[i];
  });
  team.team_barrier();
  if (Team<Space, double, false>::cholesky(team, l, n) >= 0) return Kokkos::Experimental::quiet_NaN_v<double>;
  double rate = 0;
  for (int i = 0; i < n; ++i) rate += factor(i, i) > 1 ? Kokkos::log(factor(i, i)) : 0;
  return rate;
}

}  // namespace krate::impl
