// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of rates with soft memberships.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/rate/impl/soft_coding_rate_decl.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/identity_plus.hpp"

namespace krate::impl {

template <class Space, class T>
struct SoftSamples {
  ConstStrided<T, Space> z, memberships;
  double dim_over_eps_squared;
  KOKKOS_FUNCTION double member(std::int64_t i, std::int64_t k) const { return static_cast<double>(memberships(i, k)); }
};

/// alpha_k, 0 for a class without weight.
KOKKOS_INLINE_FUNCTION double soft_alpha(double dim_over_eps_squared, double weight) {
  return weight == 0 ? 0 : dim_over_eps_squared / weight;
}

/// One team a class.
template <class Space, class T>
struct SumWeights {
  ConstStrided<T, Space> memberships;
  Vector<double, Space> weights;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const k = team.league_rank();
    double weight = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, static_cast<std::int64_t>(memberships.extent(0))),
        [&](std::int64_t i, double& sum) { sum += static_cast<double>(memberships(i, k)); }, weight);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { weights(k) = weight; });
  }
};

/// One team a row of the chunk, as below.
template <class Space, class T>
struct RowsInDouble {
  ConstStrided<T, Space> from;
  Matrix<double, Space> to;
  std::int64_t first;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(to.extent(1))),
                         [&](int j) { to(i, j) = static_cast<double>(from(first + i, j)); });
  }
};
template <class Space, class T>
struct SpreadRows {
  ConstStrided<T, Space> from;
  Tensor4<double, Space> to;  ///< [1, classes, rows, dim]
  std::int64_t first;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const classes = static_cast<int>(to.extent(1)), d = static_cast<int>(to.extent(3));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, classes * d),
                         [&](int e) { to(0, e / d, i, e % d) = static_cast<double>(from(first + i, e % d)); });
  }
};
template <class Space, class T>
struct ScaleByMemberships {
  SoftSamples<Space, T> samples;
  Tensor4<double, Space> scaled;
  std::int64_t first;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    run(team, [](double p) { return p; });
  }

 protected:
  template <class Weight>
  KOKKOS_FUNCTION void run(RowMember<Space> const& team, Weight const& weight) const {
    auto const i = team.league_rank();
    int const classes = static_cast<int>(scaled.extent(1)), d = static_cast<int>(scaled.extent(3));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, classes * d), [&](int e) {
      scaled(0, e / d, i, e % d) =
          weight(samples.member(first + i, e / d)) * static_cast<double>(samples.z(first + i, e % d));
    });
  }
};
template <class Space, class T>
struct ScaleBySoftRoots : ScaleByMemberships<Space, T> {
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    this->run(team, [](double p) { return Kokkos::sqrt(p); });
  }
};

/// P_k to S_k = I + alpha_k P_k.
template <class Space>
struct MomentToS {
  SoftRateScratch<Space> s;
  double dim_over_eps_squared;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    std::int64_t const d = static_cast<std::int64_t>(s.factors.extent(1)), k = e / (d * d), i = e / d % d, j = e % d;
    double const m = soft_alpha(dim_over_eps_squared, s.weights(k)) * s.factors(k, i, j);
    if (i == j) s.diagonal(k, i) = m;
    s.factors(k, i, j) = i == j ? 1 + m : m;
  }
};

/// Rows sqrt(pi_ki) z_i, for factors made from samples.
template <class Space, class T>
struct SoftRows {
  SoftSamples<Space, T> samples;
  std::int64_t k;
  KOKKOS_FUNCTION std::size_t extent(int) const { return samples.z.extent(0); }
  KOKKOS_FUNCTION double operator()(std::int64_t i, std::int64_t j) const {
    return Kokkos::sqrt(samples.member(i, k)) * static_cast<double>(samples.z(i, j));
  }
};

/// One team a class.
template <class Space, class T, bool Vendor>
struct SoftFactor {
  SoftSamples<Space, T> samples;
  SoftRateScratch<Space> s;
  Vector<double, Space> per_class;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const k = team.league_rank();
    int const d = static_cast<int>(s.factors.extent(1));
    double* const l = &s.factors(k, 0, 0);
    Team<Space, double, Vendor>::cholesky(team, l, d);
    team.team_barrier();
    FactorRate const found = rate_of_factor(team, l, &s.diagonal(k, 0), d);
    double const alpha = soft_alpha(samples.dim_over_eps_squared, s.weights(k));
    double const rate = found.is_poor()
                            ? factor_by_rotations(team, alpha, SoftRows<Space, T>{samples, k}, l, &s.spare(k, 0), d)
                            : found.rate;
    Kokkos::single(Kokkos::PerTeam(team), [&]() { per_class(k) = rate; });
  }
};

/// sum_k t_k / n R_k, in the order of the classes.
template <class Space>
struct SoftSum {
  ConstVector<double, Space> weights, per_class;
  double samples;
  Value<double, Space> rate;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double sum = 0;
    for (std::size_t k = 0; k < weights.extent(0); ++k) sum += weights(k) / samples * per_class(k);
    rate() = sum;
  }
};

/// The rows of a class are solved for by so many teams.
inline constexpr int soft_shares = 16;

template <class Space, bool Vendor>
struct SolveClassRows {
  Tensor3<double, Space> factors;
  Tensor4<double, Space> y;  ///< [1, classes, rows, dim]
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / soft_shares, share = team.league_rank() % soft_shares;
    std::int64_t const count = static_cast<std::int64_t>(y.extent(2));
    std::int64_t const begin = count * share / soft_shares, end = count * (share + 1) / soft_shares;
    std::size_t const d = y.extent(3);
    if (begin == end) return;
    Strided<double, Space> const columns(&y(0, k, begin, 0),
                                         Kokkos::LayoutStride(d, 1, static_cast<std::size_t>(end - begin), d));
    ConstStrided<double, Space> const l(&factors(k, 0, 0), Kokkos::LayoutStride(d, d, d, 1));
    Team<Space, double, Vendor>::solve(team, false, l, columns);
    team.team_barrier();
    Team<Space, double, Vendor>::solve(team, true, l, columns);
  }
};

template <class Space>
struct SetIdentities {
  Tensor3<double, Space> m;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    std::int64_t const d = static_cast<std::int64_t>(m.extent(1)), i = e / d % d, j = e % d;
    m(e / (d * d), i, j) = i == j ? 1 : 0;
  }
};

/// Of the inverses in `products`; one team a class.
template <class Space>
struct Traces {
  SoftRateScratch<Space> s;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const k = team.league_rank();
    double trace = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, static_cast<int>(s.products.extent(1))),
        [&](int i, double& sum) { sum += s.products(k, i, i); }, trace);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { s.traces(k) = trace; });
  }
};

/// M to alpha_k (M + M^T); one team a row of a class.
template <class Space>
struct AddTranspose {
  ConstVector<double, Space> weights;
  double dim_over_eps_squared;
  Tensor3<double, Space> m;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const d = static_cast<std::int64_t>(m.extent(1)), k = team.league_rank() / d;
    std::int64_t const i = team.league_rank() % d;
    double const alpha = soft_alpha(dim_over_eps_squared, weights(k));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(i) + 1), [&](int j) {
      double const sum = alpha * (m(k, i, j) + m(k, j, i));
      m(k, i, j) = sum;
      m(k, j, i) = sum;
    });
  }
};

/// dz_i = alpha sum_k pi_ki y_ki, alpha = dim / (n eps_squared), and with y_ki = S_k^{-1} z_i
/// dpi_ki = (2 R_k + dim / eps_squared z_i . y_ki - (dim - tr S_k^{-1})) / (2 n); one team a row of the chunk.
template <class Space, class T>
struct SoftGradient {
  SoftSamples<Space, T> samples;
  SoftRateScratch<Space> s;
  ConstVector<double, Space> per_class;
  Tensor4<double, Space> y;
  std::int64_t first;
  Strided<T, Space> dz, dmemberships;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const r = team.league_rank(), i = first + r;
    int const classes = static_cast<int>(y.extent(1)), d = static_cast<int>(y.extent(3));
    double const n = static_cast<double>(samples.z.extent(0)), scale = samples.dim_over_eps_squared;
    if (dz.data()) {
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, d), [&](int j) {
        double sum = 0;
        for (int k = 0; k < classes; ++k) sum += samples.member(i, k) * y(0, k, r, j);
        dz(i, j) = static_cast<T>(scale / n * sum);
      });
    }
    if (!dmemberships.data()) return;
    for (int k = 0; k < classes; ++k) {
      double product = 0;
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, d),
          [&](int j, double& sum) { sum += static_cast<double>(samples.z(i, j)) * y(0, k, r, j); }, product);
      double const whole = 2 * per_class(k) + scale * product - (d - s.traces(k));
      Kokkos::single(Kokkos::PerTeam(team), [&]() {
        dmemberships(i, k) =
            static_cast<T>(s.weights(k) == 0 ? Kokkos::Experimental::quiet_NaN_v<double> : whole / (2 * n));
      });
    }
  }
};

template <class Space, class T>
struct OneHot {
  ConstVector<Label, Space> labels;
  Matrix<T, Space> memberships;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    std::int64_t const classes = static_cast<std::int64_t>(memberships.extent(1)), i = e / classes, k = e % classes;
    Label const label = labels(i);
    memberships(i, k) =
        label < 0 || label >= classes ? Kokkos::Experimental::quiet_NaN_v<T> : static_cast<T>(label == k ? 1 : 0);
  }
};

}  // namespace krate::impl
