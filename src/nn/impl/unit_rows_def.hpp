// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/unit_rows.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a row, as below.
template <class Space, class T>
struct DivideByLength {
  ConstMatrix<T, Space> x;
  Matrix<T, Space> y;
  Vector<T, Space> lengths;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const r = team.league_rank(), dim = static_cast<std::int64_t>(x.extent(1));
    T const length = Kokkos::sqrt(row_sum<T>(team, dim, [&](std::int64_t j) { return x(r, j) * x(r, j); }));
    T const divisor = length < T(1e-12) ? T(1e-12) : length;
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim), [&](std::int64_t j) { y(r, j) = x(r, j) / divisor; });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { lengths(r) = divisor; });
  }
};
template <class Space, class T>
struct DivideByLengthBackward {
  ConstMatrix<T, Space> y;
  ConstVector<T, Space> lengths;
  ConstMatrix<T, Space> dy;
  Matrix<T, Space> dx;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const r = team.league_rank(), dim = static_cast<std::int64_t>(y.extent(1));
    T const radial = row_sum<T>(team, dim, [&](std::int64_t j) { return y(r, j) * dy(r, j); });
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { dx(r, j) = (dy(r, j) - radial * y(r, j)) / lengths(r); });
  }
};

template <class Space, class T>
void UnitRows<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> y,
                                 Vector<T, Space> lengths) {
  Kokkos::parallel_for(KRATE_LABEL("krate::unit_rows"), rows(space, x.extent(0)),
                       DivideByLength<Space, T>{x, y, lengths});
}

template <class Space, class T>
void UnitRows<Space, T>::backward(Space const& space, ConstMatrix<T, Space> y, ConstVector<T, Space> lengths,
                                  ConstMatrix<T, Space> dy, Matrix<T, Space> dx) {
  Kokkos::parallel_for(KRATE_LABEL("krate::unit_rows_backward"), rows(space, y.extent(0)),
                       DivideByLengthBackward<Space, T>{y, lengths, dy, dx});
}

}  // namespace krate::impl
