// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/fourier_positions.hpp"

namespace krate::impl {

/// One team a patch.
template <class Space, class T>
struct FillFourier {
  double rows, columns;
  Matrix<T, Space> table;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const t = team.league_rank();
    int const across = static_cast<int>(columns), half = static_cast<int>(table.extent(1)) / 2;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, 2 * half), [&](int k) {
      bool const of_row = k < half;
      int const i = k % half;
      double const place = 1.0 + (of_row ? t / across : t % across), most = of_row ? rows : columns;
      double const angle = 2 * 3.14159265358979323846 * place / (most + 1e-6) /
                           Kokkos::pow(10000.0, static_cast<double>(i / 2 * 2) / half);
      table(t, k) = static_cast<T>(i % 2 == 0 ? Kokkos::sin(angle) : Kokkos::cos(angle));
    });
  }
};

template <class Space, class T>
void FourierPositions<Space, T>::fill(Space const& space, std::size_t rows, std::size_t columns,
                                      Matrix<T, Space> table) {
  if (table.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::fourier_positions"), impl::rows(space, table.extent(0)),
                       FillFourier<Space, T>{static_cast<double>(rows), static_cast<double>(columns), table});
}

}  // namespace krate::impl
