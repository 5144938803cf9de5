// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps that the routes to a rate share.
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/cholesky.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/rate_kernels.hpp"

namespace krate::impl {

template <class Space, class From, class To>
void scale_into(Space const& space, double scale, From const& from, To const& to) {
  Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::convert"), rows(space, to.extent(0)),
                       ScaleInto<Space, From, To>{from, to, scale});
}

/// One team a row.
template <class Space>
struct SquaresOfRows {
  ConstMatrix<double, Space> factor;
  Vector<double, Space> squares;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = static_cast<int>(team.league_rank());
    double const found = squares_of_row(team, &factor(i, 0), i);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { squares(i) = found; });
  }
};

/// In place: factor = Cholesky factor of I + factor; vectors = its diagonal before, and the squares of FactorRate::add.
template <class Space>
void factor_and_squares(Space const& space, Matrix<double, Space> factor, Matrix<double, Space> vectors,
                        Value<NumericalStatus, Space> status, Route route) {
  std::size_t const n = factor.extent(0);
  Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::add_identity"), elements(space, n),
                       AddIdentity<Space>{Tensor3<double, Space>(factor.data(), 1, n, n), vectors});
  cholesky(space, factor, status, route);
  Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::squares"), rows(space, n),
                       SquaresOfRows<Space>{factor, Vector<double, Space>(vectors.data() + n, n)});
}

}  // namespace krate::impl
