// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/layer_rates_decl.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a token; a thread a head.
template <class Space, class T, class Out>
struct NormalizeHeads {
  ConstMatrix<T, Space> w;
  Matrix<Out, Space> unit;
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
      for (int j = k * head_dim; j < (k + 1) * head_dim; ++j)
        unit(i, j) = static_cast<Out>(scale * static_cast<double>(w(i, j)));
    });
  }
};

/// One team a token.
template <class Space, class T>
struct UnitTokenGradient {
  ConstMatrix<T, Space> tokens, unit, dunit;
  Matrix<T, Space> dtokens;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    auto const dim = static_cast<std::int64_t>(tokens.extent(1));
    auto const dot = [&](ConstMatrix<T, Space> const& a, ConstMatrix<T, Space> const& b) {
      return row_sum<double>(
          team, dim, [&](std::int64_t j) { return static_cast<double>(a(i, j)) * static_cast<double>(b(i, j)); });
    };
    double const square = dot(tokens, tokens), radial = dot(unit, dunit);
    double const scale = square == 0 ? 0 : 1 / Kokkos::sqrt(square);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim), [&](std::int64_t j) {
      double const tangent = static_cast<double>(dunit(i, j)) - radial * static_cast<double>(unit(i, j));
      dtokens(i, j) = static_cast<T>(scale * tangent);
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

/// One team a sample.
template <class Space, class T>
struct DescentCosine {
  ConstMatrix<T, Space> before, after, gradient;  ///< [batch, tokens * dim]
  Vector<double, Space> cosines;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const b = team.league_rank();
    auto const step = [&](std::int64_t e) {
      return static_cast<double>(after(b, e)) - static_cast<double>(before(b, e));
    };
    auto const slope = [&](std::int64_t e) { return static_cast<double>(gradient(b, e)); };
    auto const size = static_cast<std::int64_t>(before.extent(1));
    double const along = row_sum<double>(team, size, [&](std::int64_t e) { return step(e) * slope(e); });
    double const steps = row_sum<double>(team, size, [&](std::int64_t e) { return step(e) * step(e); });
    double const slopes = row_sum<double>(team, size, [&](std::int64_t e) { return slope(e) * slope(e); });
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      double const lengths = Kokkos::sqrt(steps) * Kokkos::sqrt(slopes);
      cosines(b) = lengths == 0 ? 0 : -along / lengths;
    });
  }
};

template <class Space, class T>
void LayerRates<Space, T>::coding_rate(Space const& space, ConstTensor3<T, Space> w, std::size_t heads,
                                       double eps_squared, Workspace<Space> work, Vector<double, Space> rates) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::projection_coding_rate"));
  std::size_t const tokens = w.extent(1), head_dim = w.extent(2) / heads;
  LayerRateScratch<Space> const scratch(work, w.extent(0), tokens, heads, head_dim);
  Kokkos::parallel_for(KRATE_LABEL("krate::projection_coding_rate::normalize"), rows(space, w.extent(0) * tokens),
                       NormalizeHeads<Space, T, double>{as_rows(w), as_rows(scratch.unit), static_cast<int>(heads),
                                                        static_cast<int>(head_dim)});
  double const gamma = tokens > 0 ? static_cast<double>(head_dim) / (static_cast<double>(tokens) * eps_squared) : 0;
  HeadRates<Space, double>::factorize(space, scratch.unit, heads, gamma, scratch.heads, rates, Route::automatic);
}

template <class Space, class T>
void LayerRates<Space, T>::density(Space const& space, ConstTensor3<T, Space> tokens, Vector<double, Space> density) {
  std::size_t const batch = tokens.extent(0), size = tokens.extent(1) * tokens.extent(2);
  Kokkos::parallel_for(KRATE_LABEL("krate::density::count"), rows(space, batch),
                       CountNonZeros<Space, T>{ConstMatrix<T, Space>(tokens.data(), batch, size), density});
}

template <class Space, class T>
void LayerRates<Space, T>::unit_tokens(Space const& space, ConstTensor3<T, Space> tokens, Tensor3<T, Space> unit) {
  Kokkos::parallel_for(
      KRATE_LABEL("krate::unit_tokens"), rows(space, tokens.extent(0) * tokens.extent(1)),
      NormalizeHeads<Space, T, T>{as_rows(tokens), as_rows(unit), 1, static_cast<int>(tokens.extent(2))});
}

template <class Space, class T>
void LayerRates<Space, T>::unit_tokens_backward(Space const& space, ConstTensor3<T, Space> tokens,
                                                ConstTensor3<T, Space> unit, ConstTensor3<T, Space> dunit,
                                                Tensor3<T, Space> dtokens) {
  Kokkos::parallel_for(KRATE_LABEL("krate::unit_tokens_backward"), rows(space, tokens.extent(0) * tokens.extent(1)),
                       UnitTokenGradient<Space, T>{as_rows(tokens), as_rows(unit), as_rows(dunit), as_rows(dtokens)});
}

template <class Space, class T>
void LayerRates<Space, T>::descent_cosine(Space const& space, ConstTensor3<T, Space> before,
                                          ConstTensor3<T, Space> after, ConstTensor3<T, Space> gradient,
                                          Vector<double, Space> cosines) {
  std::size_t const batch = before.extent(0), size = before.extent(1) * before.extent(2);
  auto const samples = [&](ConstTensor3<T, Space> const& t) { return ConstMatrix<T, Space>(t.data(), batch, size); };
  Kokkos::parallel_for(KRATE_LABEL("krate::descent_cosine"), rows(space, batch),
                       DescentCosine<Space, T>{samples(before), samples(after), samples(gradient), cosines});
}

}  // namespace krate::impl
