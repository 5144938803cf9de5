// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/rate/impl/moment_decl.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct PackLower {
  ConstMatrix<T, Space> moment;
  T samples;
  Vector<T, Space> packed;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank(), begin = i * (i + 1) / 2;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1),
                         [&](int j) { packed(begin + j) = moment(i, j); });
    if (i == 0) Kokkos::single(Kokkos::PerTeam(team), [&]() { packed(packed.extent(0) - 1) = samples; });
  }
};
template <class Space, class T>
struct UnpackScaled {
  ConstVector<T, Space> packed;
  T alpha;
  Matrix<T, Space> scaled;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(scaled.extent(1))), [&](int j) {
      std::int64_t const row = i > j ? i : j, column = i > j ? j : i;
      scaled(i, j) = alpha * packed(row * (row + 1) / 2 + column);
    });
  }
};

template <class Space, class T>
void Moment<Space, T>::pack(Space const& space, ConstMatrix<T, Space> moment, double samples, Vector<T, Space> packed) {
  Kokkos::parallel_for(KRATE_LABEL("krate::rate_accumulator::pack"), rows(space, moment.extent(0)),
                       PackLower<Space, T>{moment, samples, packed});
}

template <class Space, class T>
void Moment<Space, T>::unpack(Space const& space, ConstVector<T, Space> packed, double alpha, Matrix<T, Space> scaled) {
  Kokkos::parallel_for(KRATE_LABEL("krate::rate_accumulator::unpack"), rows(space, scaled.extent(0)),
                       UnpackScaled<Space, T>{packed, alpha, scaled});
}

}  // namespace krate::impl
