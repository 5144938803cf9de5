// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel of a pursuit: a team is a game.
#pragma once

#include "games/impl/lead.hpp"

namespace krate::games::impl {

template <class Space>
struct PlayGames {
  using Member = krate::impl::RowMember<Space>;
  PursuitPlan const* plans;
  double const* samples;
  int const *labels, *orders;
  double *states, *scratch;
  std::int64_t begin, end;

  KOKKOS_FUNCTION void operator()(Member const& team) const {
    PursuitPlan const& plan = plans[team.league_rank()];
    PursuitState const state(states + plan.state_at, plan.map_size());
    PursuitScratch const s(scratch + plan.scratch_at, plan.rows, plan.batch, plan.width, plan.dim, plan.classes);
    int rows = plan.batch == 0 ? adopt(team, plan, s) : 0;
    for (std::int64_t step = begin; step < end; ++step) {
      if (plan.batch > 0) rows = gather(team, plan, s, orders + plan.orders_at + step * plan.batch);
      Lead<Space> const lead{plan, s, state, rows};
      lead.run(team, step);
      if (plan.rule.follower == Follower::adam) Follow<Space>{plan, s, state}.run(team, step);
      auto const found = lead.values(team);
      each<Space>(team, 1, [&](int) {
        state.curve[2 * step] = found.first;
        state.curve[2 * step + 1] = found.second;
      });
    }
  }

 private:
  /// All samples: a factor that the host made.
  KOKKOS_INLINE_FUNCTION int adopt(Member const& team, PursuitPlan const& plan, PursuitScratch const& s) const {
    double const* const from = samples + plan.samples_at;
    double const* const counts = from + std::int64_t(plan.rows) * plan.dim;
    int const* const offsets = labels + plan.labels_at;
    TeamProducts<Space>{team}.copy(plan.rows * plan.dim, from, s.factor);
    each<Space>(team, plan.classes + 1, [&](int j) {
      s.counts[j] = counts[j];
      s.offsets[j] = offsets[j];
    });
    return plan.rows;
  }

  /// The factor of a batch. @return its rows
  KOKKOS_INLINE_FUNCTION int gather(Member const& team, PursuitPlan const& plan, PursuitScratch const& s,
                                    int const* batch) const {
    int const dim = plan.dim;
    int rows = 0, taken = 0;
    for (int j = 0; j < plan.classes; ++j) {
      int count = 0;
      for (int i = 0; i < plan.batch; ++i) {
        int const sample = batch[i];
        if (sample < 0 || labels[plan.labels_at + sample] != j) continue;
        TeamProducts<Space>{team}.copy(dim, samples + plan.samples_at + std::int64_t(sample) * dim,
                                       s.decoded + count * dim);
        ++count;
      }
      int const rank =
          count == 0 ? 0 : compress<Space>(team, count, dim, s.decoded, 1.0 / count, s.factor + rows * dim, s.diagonal);
      rows += rank;
      taken += count;
      int const end = rows;
      each<Space>(team, 1, [&](int) {
        if (j == 0) s.offsets[0] = 0;
        s.offsets[j + 1] = end;
        s.counts[j] = count;
      });
    }
    each<Space>(team, 1, [&](int) { s.counts[plan.classes] = taken; });
    return rows;
  }
};

}  // namespace krate::games::impl
