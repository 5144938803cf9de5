// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/follow.hpp"
#include "games/impl/norm_projection.hpp"

namespace krate::games::impl {

/// The encoder's step on one batch, the decoder held.
template <class Space>
struct Lead {
  using Member = krate::impl::RowMember<Space>;
  PursuitPlan const& plan;
  PursuitScratch const& s;
  PursuitState const& state;
  int rows;  ///< of the factor

  KOKKOS_INLINE_FUNCTION void encode(Member const& team) const {
    TeamProducts<Space>{team}.nt(rows, plan.width, plan.dim, 1, s.factor, state.encoder, 0, s.codes);
  }

  KOKKOS_FUNCTION void run(Member const& team, std::int64_t step) const {
    encode(team);
    gradient(team);
    int const map = plan.map_size();
    double const *const slope = s.gradient, rate = plan.rule.encoder_rate;
    double* const encoder = state.encoder;
    if (plan.rule.leader == LeaderStep::adam) {
      adam_step<Space>(team, map, rate, static_cast<double>(step + 1), slope, state.encoder_mean, state.encoder_square,
                       encoder);
    } else {
      each<Space>(team, map, [=](int i) { encoder[i] += rate * slope[i]; });
    }
    if (plan.rule.constraint == Constraint::norms) {
      NormProjection<Space>{plan, s, rows}.run(team, encoder);
    } else {
      make_orthogonal<Space>(team, plan.width, plan.dim, encoder, s.square[0], s.gradient);
    }
    encode(team);
  }

  /// @return expansion and inconsistency of the maps as they are
  KOKKOS_FUNCTION Kokkos::pair<double, double> values(Member const& team) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width;
    double const b = plan.b();
    bool const plays = plan.rule.follower == Follower::adam, reduces = plan.rule.constraint == Constraint::norms;
    double *const one = s.square[1], *const other = s.square[2];
    if (plays) Follow<Space>{plan, s, state}.recode(team, rows, s.codes, s.recoded);
    factor_whole(team);
    double expansion = 0.5 * do_.log_det(width, s.square[0]), inconsistency = 0;
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      double const *const p = s.codes + c.begin * width, *const r = s.recoded + c.begin * width;
      moment(team, c.count, b, p, 0, one);
      do_.factor(width, one);
      double const of_codes = do_.log_det(width, one);
      if (reduces) expansion -= 0.5 * share(j) * of_codes;
      if (!plays) continue;
      moment(team, c.count, b, r, 0, other);
      do_.factor(width, other);
      double const of_recoded = do_.log_det(width, other);
      moment(team, c.count, b / 2, p, 0, one, false);
      moment(team, c.count, b / 2, r, 1, one);
      do_.factor(width, one);
      inconsistency += 0.5 * do_.log_det(width, one) - 0.25 * (of_codes + of_recoded);
    }
    return {expansion, inconsistency};
  }

 private:
  KOKKOS_INLINE_FUNCTION double share(int j) const { return s.counts[j] / s.counts[plan.classes]; }

  /// out = [I +] factor x^T x + beta out, of rows x
  KOKKOS_INLINE_FUNCTION void moment(Member const& team, int count, double factor, double const* x, double beta,
                                     double* out, bool with_identity = true) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width;
    if (count == 0) {
      each<Space>(team, width * width, [=](int e) { out[e] = beta == 0 ? 0 : beta * out[e]; });
    } else {
      do_.tn(width, width, count, factor, x, x, beta, out);
    }
    if (with_identity) do_.add_identity(width, out);
  }
  /// square[0] = the factor of I + b C
  KOKKOS_INLINE_FUNCTION void factor_whole(Member const& team) const {
    double* const whole = s.square[0];
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      moment(team, c.count, plan.b() * share(j), s.codes + c.begin * plan.width, j == 0 ? 0 : 1, whole, false);
    }
    TeamProducts<Space> const do_{team};
    do_.add_identity(plan.width, whole);
    do_.factor(plan.width, whole);
  }

  /// gradient of the encoder's utility: sums over factor rows, which `slope` and `more` weigh.
  KOKKOS_INLINE_FUNCTION void gradient(Member const& team) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width, dim = plan.dim;
    double const b = plan.b();
    bool const plays = plan.rule.follower == Follower::adam, reduces = plan.rule.constraint == Constraint::norms;
    double *const direct = s.slope, *const around = s.more, *const copy = s.lean;
    double *const one = s.square[1], *const other = s.square[2];
    if (plays) {
      Follow<Space>{plan, s, state}.recode(team, rows, s.codes, s.recoded);
      if (!plan.thin()) do_.nn(rows, dim, width, 1, s.codes, state.decoder, 0, s.decoded);
    }
    factor_whole(team);
    do_.copy(rows * width, s.codes, direct);
    do_.solve_right(rows, width, s.square[0], direct);
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      int const n = c.count, size = n * width;
      if (n == 0) continue;
      double const *const p = s.codes + c.begin * width, *const r = s.recoded + c.begin * width;
      double *const d = direct + c.begin * width, *const t = around + c.begin * width;
      double const weight = share(j) * b;
      each<Space>(team, size, [=](int e) { d[e] *= weight; });
      if (reduces || plays) {
        moment(team, n, b, p, 0, one);
        do_.factor(width, one);
        do_.copy(size, p, copy);
        do_.solve_right(n, width, one, copy);
        double const of_class = (reduces ? weight : 0) + (plays ? b / 2 : 0);
        each<Space>(team, size, [=](int e) { d[e] -= of_class * copy[e]; });
      }
      if (!plays) continue;
      moment(team, n, b / 2, p, 0, one, false);
      moment(team, n, b / 2, r, 1, one);
      do_.factor(width, one);
      do_.copy(size, p, copy);
      do_.solve_right(n, width, one, copy);
      each<Space>(team, size, [=](int e) { d[e] += b / 2 * copy[e]; });
      moment(team, n, b, r, 0, other);
      do_.factor(width, other);
      do_.copy(size, r, t);
      do_.solve_right(n, width, one, t);
      do_.copy(size, r, copy);
      do_.solve_right(n, width, other, copy);
      each<Space>(team, size, [=](int e) { t[e] = b / 2 * (t[e] - copy[e]); });
    }
    if (plays) {
      do_.nn(rows, dim, width, 1, around, state.encoder, 0, s.spread);
      do_.nt(rows, width, dim, 1, s.spread, state.decoder, 1, direct);
    }
    do_.tn(width, dim, rows, 1, direct, s.factor, 0, s.gradient);
    if (plays) do_.tn(width, dim, rows, 1, around, s.decoded, 1, s.gradient);
  }
};

}  // namespace krate::games::impl
