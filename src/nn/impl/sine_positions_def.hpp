// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/sine_positions.hpp"

namespace krate::impl {

/// One team a token.
template <class Space, class T>
struct FillSines {
  std::int64_t columns;
  Matrix<T, Space> table;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const t = team.league_rank();
    int const dim = static_cast<int>(table.extent(1)), quarter = dim / 4;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim), [&](int k) {
      int const part = k / quarter, j = k % quarter;
      auto const place = static_cast<double>(t == 0 ? 0 : part < 2 ? (t - 1) % columns : (t - 1) / columns);
      double const angle = place * Kokkos::pow(10000.0, -static_cast<double>(j) / quarter);
      table(t, k) = t == 0 ? T(0) : static_cast<T>(part % 2 == 0 ? Kokkos::sin(angle) : Kokkos::cos(angle));
    });
  }
};

template <class Space, class T>
void SinePositions<Space, T>::fill(Space const& space, std::size_t columns, Matrix<T, Space> table) {
  if (table.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::sine_positions"), rows(space, table.extent(0)),
                       FillSines<Space, T>{static_cast<std::int64_t>(columns), table});
}

}  // namespace krate::impl
