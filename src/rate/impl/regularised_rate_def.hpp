// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/rate/impl/regularised_rate_decl.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct SquareOfRow {
  ConstStrided<T, Space> z;
  Vector<double, Space> squares;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank();
    double const sum = row_sum<double>(team, static_cast<std::int64_t>(z.extent(1)), [&](std::int64_t j) {
      double const x = static_cast<double>(z(i, j));
      return x * x;
    });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { squares(i) = sum; });
  }
};

/// One team.
template <class Space>
struct RegularisedValue {
  double weight, lambda;
  ConstVector<double, Space> rates, squares;
  Value<double, Space> value;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    double const square =
        row_sum<double>(team, static_cast<std::int64_t>(squares.extent(0)), [&](std::int64_t i) { return squares(i); });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { value() = weight * rates(0) - rates(1) - 0.5 * lambda * square; });
  }
};

/// One team a row.
template <class Space, class T>
struct CombineRows {
  ConstStrided<T, Space> z;
  double weight, lambda;
  ConstMatrix<T, Space> parts;
  Strided<T, Space> total;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(z.extent(1))), [&](int j) {
      double const rest = weight * static_cast<double>(total(i, j)) - static_cast<double>(parts(i, j));
      total(i, j) = static_cast<T>(rest - lambda * static_cast<double>(z(i, j)));
    });
  }
};

template <class Space, class T>
void RegularisedRate<Space, T>::value(Space const& space, ConstStrided<T, Space> z, double weight, double lambda,
                                      ConstVector<double, Space> rates, Vector<double, Space> squares,
                                      Value<double, Space> value) {
  Kokkos::parallel_for(KRATE_LABEL("krate::regularised_rate::squares"), rows(space, z.extent(0)),
                       SquareOfRow<Space, T>{z, squares});
  Kokkos::parallel_for(KRATE_LABEL("krate::regularised_rate::value"), rows(space, 1),
                       RegularisedValue<Space>{weight, lambda, rates, squares, value});
}

template <class Space, class T>
void RegularisedRate<Space, T>::combine(Space const& space, ConstStrided<T, Space> z, double weight, double lambda,
                                        ConstMatrix<T, Space> parts, Strided<T, Space> total) {
  Kokkos::parallel_for(KRATE_LABEL("krate::regularised_rate::combine"), rows(space, z.extent(0)),
                       CombineRows<Space, T>{z, weight, lambda, parts, total});
}

}  // namespace krate::impl
