// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/impl/tssa_constants.hpp"
#include "krate/attention/newest_statistics.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

/// One team a sample.
template <class Space, class T>
struct AttendNewestStatistics {
  ConstMatrix<T, Space> w;
  ConstVector<T, Space> temperature;
  ConstMatrix<T, Space> bias;
  int position;
  StatisticsSoFar<Space, T> sums;
  Matrix<T, Space> out;

  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const heads = static_cast<int>(temperature.extent(0)), p = static_cast<int>(w.extent(1)) / heads;
    auto const b = team.league_rank();
    for (int h = 0; h < heads; ++h) {
      T share = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, p),
          [&](int k, T& sum) {
            int const j = h * p + k;
            T const s = w(b, j) * w(b, j), so_far = (position > 0 ? sums.energy(b, j) : T(0)) + s;
            sums.energy(b, j) = so_far;
            sum += s / Kokkos::fmax(so_far, static_cast<T>(least_causal_energy));
          },
          share);
      Kokkos::single(Kokkos::PerTeam(team), [&]() {
        if (bias.size() > 0) share += static_cast<T>(p) * bias(h, position);
        sums.membership(b, h) = temperature(h) * share;
      });
    }
    team.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team), [&]() { choose(b, heads); });
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, heads * p), [&](int j) {
      T const pi = sums.membership(b, j / p), x = w(b, j);
      T const so_far = (position > 0 ? sums.moment(b, j) : T(0)) + pi * x * x;
      sums.moment(b, j) = so_far;
      out(b, j) = -x * pi / (1 + so_far / sums.counts(b, j / p));
    });
  }
  /// Logits to memberships, which are counted.
  KOKKOS_FUNCTION void choose(std::int64_t b, int heads) const {
    T largest = sums.membership(b, 0), total = 0;
    for (int h = 1; h < heads; ++h) largest = Kokkos::fmax(largest, sums.membership(b, h));
    for (int h = 0; h < heads; ++h) total += sums.membership(b, h) = Kokkos::exp(sums.membership(b, h) - largest);
    for (int h = 0; h < heads; ++h) {
      T const pi = sums.membership(b, h) /= total;
      sums.counts(b, h) = (position > 0 ? sums.counts(b, h) : static_cast<T>(least_count)) + pi;
    }
  }
};

template <class Space, class T>
void NewestStatistics<Space, T>::attend(Space const& space, ConstMatrix<T, Space> w, ConstVector<T, Space> temperature,
                                        ConstMatrix<T, Space> bias, std::size_t position,
                                        StatisticsSoFar<Space, T> const& sums, Matrix<T, Space> out) {
  if (out.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::attend_newest_statistics"), rows(space, w.extent(0)),
                       AttendNewestStatistics<Space, T>{w, temperature, bias, static_cast<int>(position), sums, out});
}

}  // namespace krate::impl
