// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/rate/impl/class_moments_decl.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/rate_kernels.hpp"

namespace krate::impl {

/// One team a row of a matrix of the batch; so in the three kernels below.
template <class Space>
struct PackClasses {
  ConstTensor3<double, Space> moments;
  Matrix<double, Space> packed;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const n = static_cast<std::int64_t>(moments.extent(1));
    std::int64_t const b = team.league_rank() / n, i = team.league_rank() % n, first = i * (i + 1) / 2;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1),
                         [&](int j) { packed(b, first + j) = moments(b, i, j); });
  }
};
template <class Space>
struct AddPacked {
  ConstMatrix<double, Space> packed;
  Tensor3<double, Space> moments;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const n = static_cast<std::int64_t>(moments.extent(1));
    std::int64_t const b = team.league_rank() / n, i = team.league_rank() % n, first = i * (i + 1) / 2;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1),
                         [&](int j) { moments(b, i, j) += packed(b, first + j); });
  }
};
template <class Space>
struct UnpackIdentityPlus {
  ConstMatrix<double, Space> packed;
  ConstVector<std::int64_t, Space> samples;
  double dim_over_eps_squared;
  Tensor3<double, Space> factors;
  Matrix<double, Space> diagonals;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const n = static_cast<std::int64_t>(factors.extent(1));
    std::int64_t const b = team.league_rank() / n, i = team.league_rank() % n;
    double const alpha = samples(b) > 0 ? dim_over_eps_squared / static_cast<double>(samples(b)) : 0;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(n)), [&](int j) {
      std::int64_t const row = i > j ? i : j, column = i > j ? j : i;
      double const m = alpha * packed(b, row * (row + 1) / 2 + column);
      factors(b, i, j) = i == j ? 1 + m : m;
      if (i == j) diagonals(b, i) = m;
    });
  }
};

/// One work item an entry.
template <class Space>
struct SumPacked {
  ConstMatrix<double, Space> packed;
  Vector<double, Space> total;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    for (std::int64_t b = 0; b < static_cast<std::int64_t>(packed.extent(0)); ++b) total(e) += packed(b, e);
  }
};

/// One team a matrix.
template <class Space>
struct RatesOfFactors {
  Tensor3<double, Space> factors;
  ConstMatrix<double, Space> diagonals;
  Vector<double, Space> rates;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const b = team.league_rank();
    int const n = static_cast<int>(factors.extent(1));
    double* const l = &factors(b, 0, 0);
    FactorRate found = rate_of_factor(team, l, &diagonals(b, 0), n);
    bool const broke_down = found.growth == Kokkos::Experimental::infinity_v<double>;
    if (broke_down && found.is_poor()) found.rate = factor_with_ridge<Space>(team, l, &diagonals(b, 0), n);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { rates(b) = found.rate; });
  }
};

template <class Space, class T>
void ClassMomentRates<Space, T>::pack(Space const& space, ConstTensor3<T, Space> moments, Matrix<T, Space> packed) {
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::pack"), rows(space, moments.extent(0) * moments.extent(1)),
                       PackClasses<Space>{moments, packed});
}

template <class Space, class T>
void ClassMomentRates<Space, T>::add_packed(Space const& space, ConstMatrix<T, Space> packed,
                                            Tensor3<T, Space> moments) {
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::add_packed"),
                       rows(space, moments.extent(0) * moments.extent(1)), AddPacked<Space>{packed, moments});
}

template <class Space, class T>
void ClassMomentRates<Space, T>::sum(Space const& space, ConstMatrix<T, Space> packed, Vector<T, Space> total) {
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::sum"), elements(space, total.extent(0)),
                       SumPacked<Space>{packed, total});
}

template <class Space, class T>
void ClassMomentRates<Space, T>::rates(Space const& space, ConstMatrix<T, Space> packed,
                                       ConstVector<std::int64_t, Space> samples, double dim_over_eps_squared,
                                       Tensor3<T, Space> factors, Matrix<T, Space> diagonals,
                                       Value<NumericalStatus, Space> status, Vector<double, Space> rates, Route route) {
  std::size_t const batch = factors.extent(0), dim = factors.extent(1);
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::identity_plus"), impl::rows(space, batch * dim),
                       UnpackIdentityPlus<Space>{packed, samples, dim_over_eps_squared, factors, diagonals});
  batched_cholesky(space, factors, status, route);
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::rates"), impl::rows(space, batch),
                       RatesOfFactors<Space>{factors, diagonals, rates});
}

}  // namespace krate::impl
