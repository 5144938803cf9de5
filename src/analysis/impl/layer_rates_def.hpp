// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/layer_rates_decl.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

/// One team a token; a thread a head.
template <class Space, class T>
struct NormalizeHeads {
  ConstMatrix<T, Space> w;
  Matrix<double, Space> unit;
  int heads, head_dim;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, heads), [&](int k) {
      double square = 0;
      for (int j = k * head_dim; j < (k + 1) * head_dim; ++j) {
        double const x = static_cast<double>(w(i, j));
        square += x * x;
      }
      double const scale = square == 0 ? 0 : 1 / Kokkos::sqrt(square);
      for (int j = k * head_dim; j < (k + 1) * head_dim; ++j) unit(i, j) = scale * static_cast<double>(w(i, j));
    });
  }
};

/// One team a sample; counts are integers, so that their order does not matter.
template <class Space, class T>
struct CountNonZeros {
  ConstMatrix<T, Space> entries;
  Vector<double, Space> density;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const b = team.league_rank();
    std::int64_t const size = static_cast<std::int64_t>(entries.extent(1));
    std::int64_t count = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, size), [&](std::int64_t e, std::int64_t& sum) { sum += entries(b, e) != T(0); },
        count);
    Kokkos::single(Kokkos::PerTeam(team),
                   [&]() { density(b) = size > 0 ? static_cast<double>(count) / static_cast<double>(size) : 0; });
  }
};

template <class Space, class T>
void LayerRates<Space, T>::coding_rate(Space const& space, ConstTensor3<T, Space> w, std::size_t heads,
                                       double eps_squared, Workspace<Space> work, Vector<double, Space> rates) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::projection_coding_rate"));
  std::size_t const tokens = w.extent(1), head_dim = w.extent(2) / heads;
  LayerRateScratch<Space> const scratch(work, w.extent(0), tokens, heads, head_dim);
  Kokkos::parallel_for(
      KRATE_LABEL("krate::projection_coding_rate::normalize"), rows(space, w.extent(0) * tokens),
      NormalizeHeads<Space, T>{as_rows(w), as_rows(scratch.unit), static_cast<int>(heads), static_cast<int>(head_dim)});
  double const gamma = tokens > 0 ? static_cast<double>(head_dim) / (static_cast<double>(tokens) * eps_squared) : 0;
  HeadRates<Space, double>::factorize(space, scratch.unit, heads, gamma, scratch.heads, rates, Route::automatic);
}

template <class Space, class T>
void LayerRates<Space, T>::density(Space const& space, ConstTensor3<T, Space> tokens, Vector<double, Space> density) {
  std::size_t const batch = tokens.extent(0), size = tokens.extent(1) * tokens.extent(2);
  Kokkos::parallel_for(KRATE_LABEL("krate::density::count"), rows(space, batch),
                       CountNonZeros<Space, T>{ConstMatrix<T, Space>(tokens.data(), batch, size), density});
}

}  // namespace krate::impl
