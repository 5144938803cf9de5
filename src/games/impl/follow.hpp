// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/class_factor.hpp"
#include "games/impl/make_orthogonal.hpp"
#include "games/impl/pursuit_plan.hpp"

namespace krate::games::impl {

/// One step of Adam: down for sign = -1, up for 1.
template <class Space>
KOKKOS_INLINE_FUNCTION void adam_step(krate::impl::RowMember<Space> const& team, int count, double rate, double time,
                                      double const* gradient, double* mean, double* square, double* value) {
  constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double const scaled = rate / (1 - Kokkos::pow(beta1, time)), root = 1 / Kokkos::sqrt(1 - Kokkos::pow(beta2, time));
  each<Space>(team, count, [=](int i) {
    double const g = gradient[i], m = beta1 * mean[i] + (1 - beta1) * g, v = beta2 * square[i] + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    value[i] += scaled * m / (Kokkos::sqrt(v) * root + epsilon);
  });
}

/// The decoder's steps on one batch, the encoder held. With P the codes' factor rows and R = P A^T those of what is
/// decoded and encoded again, nothing larger than a class's rank is factored:
///     dL/dR = b/2 ( (I + b R R^T - U (b/2 R P^T)^T - b/2 R R^T)^-1 (R - U P) - (I + b R R^T)^-1 R ),
///     U = b/2 R P^T (I + b/2 P P^T)^-1,     dL/dG = (P^T dL/dR F)^T
template <class Space>
struct Follow {
  using Member = krate::impl::RowMember<Space>;
  PursuitPlan const& plan;
  PursuitScratch const& s;
  PursuitState const& state;

  /// @param step  how many steps the encoder took before
  KOKKOS_FUNCTION void run(Member const& team, std::int64_t step) const {
    int const rows = start(team), map = plan.map_size();
    auto const inner = static_cast<std::int64_t>(plan.rule.inner_steps);
    for (std::int64_t k = 1; k <= inner; ++k) {
      recode(team, rows, s.lean, s.recoded);
      by_class(team);
      descend(team, rows);
      adam_step<Space>(team, map, -plan.rule.decoder_rate, static_cast<double>(step * inner + k), s.gradient,
                       state.decoder_mean, state.decoder_square, state.decoder);
      if (plan.rule.constraint == Constraint::orthogonal)
        make_orthogonal<Space>(team, plan.width, plan.dim, state.decoder, s.square[0], s.gradient);
    }
  }

  /// recoded [rows, width] = codes (F G)^T, by way of what is decoded or of the product of the maps.
  KOKKOS_INLINE_FUNCTION void recode(Member const& team, int rows, double const* codes, double* recoded) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width, dim = plan.dim;
    if (plan.thin()) {
      do_.nn(rows, dim, width, 1, codes, state.decoder, 0, s.decoded);
      do_.nt(rows, width, dim, 1, s.decoded, state.encoder, 0, recoded);
    } else {
      do_.nt(width, width, dim, 1, state.decoder, state.encoder, 0, s.square[0]);
      do_.nn(rows, width, width, 1, codes, s.square[0], 0, recoded);
    }
  }

 private:
  /// lean = rows with the moments of the codes, in each class no more than its codes have dimensions; and what stays
  /// the same: inverse = (I + b/2 P P^T)^-1 of each class.
  KOKKOS_INLINE_FUNCTION int start(Member const& team) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width;
    int rows = 0;
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.offsets, j);
      double const* const from = s.codes + c.begin * width;
      int count = c.count;
      if (count > width) {
        count = compress<Space>(team, count, width, from, 1, s.lean + rows * width, s.diagonal);
      } else {
        do_.copy(count * width, from, s.lean + rows * width);
      }
      int const end = rows + count;
      each<Space>(team, 1, [&](int) {
        if (j == 0) s.lean_offsets[0] = 0;
        s.lean_offsets[j + 1] = end;
      });
      double *const factor = s.square[0], *const inverse = inverse_of(rows);
      double const* const p = s.lean + rows * width;
      do_.nt(count, count, width, plan.b() / 2, p, p, 0, factor);
      do_.add_identity(count, factor);
      do_.factor(count, factor);
      each<Space>(team, count * count, [=](int e) { inverse[e] = e / count == e % count ? 1 : 0; });
      do_.solve(count, count, factor, inverse);
      rows = end;
    }
    return rows;
  }
  /// Blocks of the classes one after another need no more room than rows^2.
  KOKKOS_INLINE_FUNCTION double* inverse_of(int begin) const { return s.inverse + std::int64_t(begin) * plan.rows; }

  /// slope = dL/drecoded, class by class.
  KOKKOS_INLINE_FUNCTION void by_class(Member const& team) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width;
    double const b = plan.b();
    for (int j = 0; j < plan.classes; ++j) {
      ClassRows const c(s.lean_offsets, j);
      int const n = c.count;
      if (n == 0) continue;
      double const *const p = s.lean + c.begin * width, *const r = s.recoded + c.begin * width;
      double *const out = s.slope + c.begin * width, *const other = s.more + c.begin * width;
      double *const gram = s.square[0], *const cross = s.square[1], *const u = s.square[2];
      do_.nt(n, n, width, b, r, r, 0, gram);
      do_.nt(n, n, width, b / 2, r, p, 0, cross);
      do_.nn(n, n, n, 1, cross, inverse_of(c.begin), 0, u);
      do_.copy(n * width, r, out);
      do_.nn(n, width, n, -1, u, p, 1, out);
      double* const inner = other;  // n <= width
      each<Space>(team, n * n, [=](int e) { inner[e] = 0.5 * gram[e]; });
      do_.nt(n, n, n, -1, u, cross, 1, inner);
      do_.add_identity(n, inner);
      do_.factor(n, inner);
      do_.solve(n, width, inner, out);
      do_.add_identity(n, gram);
      do_.factor(n, gram);
      do_.copy(n * width, r, other);
      do_.solve(n, width, gram, other);
      each<Space>(team, n * width, [=](int e) { out[e] = 0.5 * b * (out[e] - other[e]); });
    }
  }

  /// gradient = P^T slope F, as the decoder stands: transposed.
  KOKKOS_INLINE_FUNCTION void descend(Member const& team, int rows) const {
    TeamProducts<Space> const do_{team};
    int const width = plan.width, dim = plan.dim;
    if (plan.thin()) {
      do_.nn(rows, dim, width, 1, s.slope, state.encoder, 0, s.spread);
      do_.tn(width, dim, rows, 1, s.lean, s.spread, 0, s.gradient);
    } else {
      do_.tn(width, width, rows, 1, s.lean, s.slope, 0, s.square[0]);
      do_.nn(width, dim, width, 1, s.square[0], state.encoder, 0, s.gradient);
    }
  }
};

}  // namespace krate::games::impl
