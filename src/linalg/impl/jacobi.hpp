// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eigenvalues of one symmetric matrix by plane rotations, for a team. Rotations of disjoint pairs of rows go together:
// a sweep is a round-robin tournament in which each row meets each other row once.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

/// The two rows of a rotation; a row that sits a round out is paired with one past the last.
struct JacobiPair {
  int p, q;
  /// @param players  the number of rows, made even
  KOKKOS_FUNCTION JacobiPair(int players, int round, int i) {
    int const ring = players - 1;
    int const one = i == 0 ? ring : (round + i) % ring, other = i == 0 ? round : (round - i + ring) % ring;
    p = Kokkos::min(one, other);
    q = Kokkos::max(one, other);
  }
};

/// Cosine and sine that turn rows p and q of a so that a(p, q) becomes 0; of the two such angles the smaller.
template <class T>
struct JacobiRotation {
  T c = 1, s = 0;
  KOKKOS_FUNCTION JacobiRotation(T pp, T pq, T qq) {
    if (pq == T(0)) return;
    T const tau = (qq - pp) / (2 * pq);
    T const t = (tau < 0 ? T(-1) : T(1)) / (Kokkos::abs(tau) + Kokkos::sqrt(1 + tau * tau));
    c = 1 / Kokkos::sqrt(1 + t * t);
    s = t * c;
  }
};

template <class Space, class T>
struct Jacobi {
  using Member = RowMember<Space>;
  static constexpr int most_sweeps = 40;  ///< convergence is quadratic: ten are rarely needed

  Matrix<T, Space> a;          ///< [n, n] full; its diagonal becomes the eigenvalues, in no order
  Matrix<T, Space> v;          ///< [n, n], its rows become the eigenvectors; empty if they are not wanted
  Matrix<T, Space> rotations;  ///< scratch [2, n / 2] cosines and sines of a round
  int n, pairs;

  /// False if there was no convergence.
  KOKKOS_FUNCTION bool run(Member const& team) const {
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      if (is_diagonal(team)) return true;
      for (int round = 0; round < 2 * pairs - 1; ++round) turn(team, round);
    }
    return is_diagonal(team);
  }

 private:
  KOKKOS_FUNCTION bool is_diagonal(Member const& team) const {
    T off = 0, all = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n * n),
        [&](int e, T& sum) { sum += e / n == e % n ? T(0) : a(e / n, e % n) * a(e / n, e % n); }, off);
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n * n), [&](int e, T& sum) { sum += a(e / n, e % n) * a(e / n, e % n); }, all);
    team.team_barrier();
    T const small = Kokkos::Experimental::epsilon_v<T> / 8;
    return off <= small * small * all;
  }

  KOKKOS_FUNCTION void turn(Member const& team, int round) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, pairs), [&](int i) {
      JacobiPair const pair(2 * pairs, round, i);
      if (pair.q >= n) return;
      JacobiRotation<T> const rotation(a(pair.p, pair.p), a(pair.p, pair.q), a(pair.q, pair.q));
      rotations(0, i) = rotation.c;
      rotations(1, i) = rotation.s;
    });
    team.team_barrier();
    turn_rows(team, round, a);
    if (v.data()) turn_rows(team, round, v);
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n * pairs), [&](int e) {
      int const k = e / pairs, i = e % pairs;
      JacobiPair const pair(2 * pairs, round, i);
      if (pair.q >= n) return;
      T const c = rotations(0, i), s = rotations(1, i), x = a(k, pair.p), y = a(k, pair.q);
      a(k, pair.p) = k == pair.q ? T(0) : c * x - s * y;
      a(k, pair.q) = k == pair.p ? T(0) : s * x + c * y;
    });
    team.team_barrier();
  }

  KOKKOS_FUNCTION void turn_rows(Member const& team, int round, Matrix<T, Space> const& m) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, pairs * n), [&](int e) {
      int const i = e / n, k = e % n;
      JacobiPair const pair(2 * pairs, round, i);
      if (pair.q >= n) return;
      T const c = rotations(0, i), s = rotations(1, i), x = m(pair.p, k), y = m(pair.q, k);
      m(pair.p, k) = c * x - s * y;
      m(pair.q, k) = s * x + c * y;
    });
  }
};

}  // namespace krate::impl
