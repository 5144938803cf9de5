// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/pursuit_plan.hpp"
#include "games/impl/team_products.hpp"

namespace krate::games::impl {

/// Projects the encoder F on ||F X_j||^2 <= n_j. With rows Z = sqrt(n) b of the factor, D the multipliers and Q = Z Z^T
///     codes(mu) = (I + Q D)^-1 Z F0^T,   F = F0 - (D codes)^T Z,
/// so that Newton's method on the multipliers never meets a matrix larger than the factor has rows.
template <class Space>
struct NormProjection {
  using Member = krate::impl::RowMember<Space>;
  PursuitPlan const& plan;
  PursuitScratch const& s;
  int rows;

  KOKKOS_FUNCTION void run(Member const& team, double* encoder) const {
    TeamProducts<Space> const do_{team};
    int const classes = plan.classes, width = plan.width, n = rows;
    double *const gram = s.square[0], *const y = s.codes;
    double const *const counts = s.counts, *const offsets = s.offsets;
    do_.nt(n, width, plan.dim, 1, s.factor, encoder, 0, y);
    do_.nt(n, n, plan.dim, 1, s.factor, s.factor, 0, gram);
    for (int j = 0; j < classes; ++j) {
      ClassRows const c(offsets, j);
      double const root = Kokkos::sqrt(counts[j]);
      each<Space>(team, c.count * width, [=](int e) { y[c.begin * width + e] *= root; });
      each<Space>(team, c.count * n, [=](int e) { gram[c.begin * n + e] *= root; });
      each<Space>(team, c.count * n, [=](int e) { gram[(e / c.count) * n + c.begin + e % c.count] *= root; });
    }
    double most = 0;
    for (int j = 0; j < classes; ++j) most = counts[j] > most ? counts[j] : most;
    double *mu = s.multipliers, *next = s.next;
    each<Space>(team, classes, [=](int j) { mu[j] = 0; });
    double residual = at(team, mu);
    for (int iteration = 0; iteration < 100 && residual > 1e-12 * most; ++iteration) {
      if (!newton_step(team, mu)) break;
      double const *const from = mu, *const step = s.step;
      double part = 1, found = 0;
      for (int halving = 0; halving < 40; ++halving, part /= 2) {
        each<Space>(team, classes, [=](int j) {
          double const moved = from[j] + part * step[j];
          next[j] = moved > 0 ? moved : 0;
        });
        found = at(team, next);
        if (found < residual) break;
      }
      if (!(found < residual)) break;  // as near as rounding lets it come
      double* const old = mu;
      mu = next;
      next = old;
      residual = found;
    }
    at(team, mu);
    double* const z = s.recoded;
    double const* const multipliers = mu;
    for (int j = 0; j < classes; ++j) {
      ClassRows const c(offsets, j);
      double const weight = multipliers[j] * Kokkos::sqrt(counts[j]);
      each<Space>(team, c.count * width, [=](int e) { z[c.begin * width + e] *= weight; });
    }
    do_.tn(width, plan.dim, n, -1, z, s.factor, 1, encoder);
  }

 private:
  KOKKOS_INLINE_FUNCTION void weigh(Member const& team, double const* mu, int columns, double* m) const {
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      double const root = Kokkos::sqrt(mu[j]);
      each<Space>(team, c.count * columns, [=](int e) { m[c.begin * columns + e] *= root; });
    }
  }

  /// What the constraints lack at these multipliers; recoded = the codes, square[1] = the factor of I + S Q S, S^2 = D.
  KOKKOS_INLINE_FUNCTION double at(Member const& team, double const* mu) const {
    TeamProducts<Space> const do_{team};
    int const n = rows, width = plan.width;
    double *const inner = s.square[1], *const solved = s.slope, *const codes = s.recoded;
    do_.copy(n * n, s.square[0], inner);
    weigh(team, mu, n, inner);
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      double const root = Kokkos::sqrt(mu[j]);
      each<Space>(team, c.count * n, [=](int e) { inner[(e / c.count) * n + c.begin + e % c.count] *= root; });
    }
    do_.add_identity(n, inner);
    do_.factor(n, inner);
    do_.copy(n * width, s.codes, solved);
    weigh(team, mu, width, solved);
    do_.solve(n, width, inner, solved);
    weigh(team, mu, width, solved);
    do_.copy(n * width, s.codes, codes);
    do_.nn(n, width, n, -1, s.square[0], solved, 1, codes);
    double worst = 0;
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      double const* const z = codes + c.begin * width;
      double const h = total<Space>(team, c.count * width, [=](int e) { return z[e] * z[e]; }) - s.counts[j];
      double const lack = mu[j] > 0 ? Kokkos::abs(h) : h;
      worst = lack > worst ? lack : worst;
      if (lack != lack) worst = lack;
      each<Space>(team, 1, [&](int) { s.excess[j] = h; });
    }
    return worst;
  }

  /// step = (the active block's Hessian)^-1 excess, from where at() was last; whether there is one.
  KOKKOS_INLINE_FUNCTION bool newton_step(Member const& team, double const* mu) const {
    TeamProducts<Space> const do_{team};
    int const n = rows, classes = plan.classes;
    double *const kernel = s.inverse, *const pairs = s.square[2], *const system = s.system, *const step = s.step;
    do_.copy(n * n, s.square[0], pairs);
    weigh(team, mu, n, pairs);
    do_.solve(n, n, s.square[1], pairs);
    weigh(team, mu, n, pairs);
    do_.copy(n * n, s.square[0], kernel);
    do_.nn(n, n, n, -1, s.square[0], pairs, 1, kernel);
    do_.nt(n, n, plan.width, 1, s.recoded, s.recoded, 0, pairs);
    double const* const excess = s.excess;
    double const* const offsets = s.offsets;
    each<Space>(team, classes * classes, [=](int e) {
      int const i = e / classes, j = e % classes;
      auto const is_active = [=](int k) { return mu[k] > 0 || excess[k] > 0; };
      if (!is_active(i) || !is_active(j)) {
        system[e] = i == j ? 1 : 0;
        return;
      }
      ClassRows const a(offsets, i), c(offsets, j);
      double sum = 0;
      for (int p = a.begin; p < a.begin + a.count; ++p)
        for (int q = c.begin; q < c.begin + c.count; ++q) sum += kernel[p * n + q] * pairs[p * n + q];
      system[e] = 2 * sum * (i == j ? 1 + 1e-14 : 1);
    });
    each<Space>(team, classes, [=](int j) { step[j] = mu[j] > 0 || excess[j] > 0 ? excess[j] : 0; });
    bool const good = TeamProducts<Space>::Portable::cholesky(team, system, classes) < 0;
    do_.barrier();
    if (good) do_.solve(classes, 1, system, step);
    return good;
  }
};

}  // namespace krate::games::impl
