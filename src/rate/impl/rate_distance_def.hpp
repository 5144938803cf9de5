// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/triangular_solve.hpp"
#include "krate/rate/impl/rate_distance_decl.hpp"
#include "rate/impl/rate_kernels.hpp"

namespace krate::impl {

/// joint = w_a A + w_b B, difference = B - A.
template <class Space>
struct JoinMoments {
  double w_a, w_b;
  ConstMatrix<double, Space> a, b;
  Matrix<double, Space> joint, difference;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    double const x = a.data()[e], y = b.data()[e];
    joint.data()[e] = w_a * x + w_b * y;
    difference.data()[e] = y - x;
  }
};

/// log(w_a + w_b e^t) - w_b t: the cumulant function of a weighted coin, by its series where it would cancel.
KOKKOS_INLINE_FUNCTION double excess_cumulant(double w_a, double w_b, double t) {
  double const variance = w_a * w_b;
  if (Kokkos::abs(t) > 1e-3) {
    double const value = Kokkos::log1p(w_b * Kokkos::expm1(t)) - w_b * t;
    return value > 0 || value != value ? value : 0;
  }
  double const skew = w_a - w_b, kurtosis = 1 - 6 * variance, fifth = skew * (1 - 12 * variance);
  return variance * t * t * (0.5 + t * (skew / 6 + t * (kurtosis / 24 + t * fifth / 120)));
}

/// The distance from the rates where it is a good part of them, else from the eigenvalues rho_i - 1.
template <class Space>
struct DistanceOfRates {
  double w_a, w_b;
  ConstVector<double, Space> rates, eigenvalues;
  Value<double, Space> distance;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double const plain = rates(2) - w_a * rates(0) - w_b * rates(1);
    double sum = 0;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(eigenvalues.extent(0)); ++i)
      sum += 0.5 * excess_cumulant(w_a, w_b, Kokkos::log1p(eigenvalues(i)));
    distance() = plain > 1e-2 * rates(2) || plain != plain ? plain : sum;
  }
};

/// L_left^{-T} L_left^{-1} M L_right^{-T} L_right^{-1} in place, or only its two inner solves.
template <class Space>
void divide_by_factors(Space const& space, ConstMatrix<double, Space> left, ConstMatrix<double, Space> right,
                       Matrix<double, Space> m, bool wholly, Route route) {
  auto const columns = transposed(as_strided<Space>(m));
  triangular_solve(space, "N", left, m, route);
  triangular_solve(space, "N", right, columns, route);
  if (!wholly) return;
  triangular_solve(space, "T", left, m, route);
  triangular_solve(space, "T", right, columns, route);
}

/// out = scale z m, piece by piece.
template <class Space, class T>
void multiply_rows(Space const& space, double scale, ConstStrided<T, Space> z, ConstMatrix<double, Space> m,
                   Workspace<Space> work, Strided<T, Space> out, Route route) {
  std::size_t const count = z.extent(0), dim = z.extent(1);
  auto const both = work.template take<double>(std::min(count, rate_chunk), 2 * dim);
  for (std::size_t begin = 0; begin < count; begin += rate_chunk) {
    std::size_t const take = std::min(rate_chunk, count - begin);
    Matrix<double, Space> const part(both.data(), take, dim), product(both.data() + take * dim, take, dim);
    auto const from =
        block(z, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(take), 0, static_cast<std::int64_t>(dim));
    auto const to = block(out, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(take), 0,
                          static_cast<std::int64_t>(dim));
    Kokkos::parallel_for(KRATE_LABEL("krate::rate_distance::convert"), rows(space, take),
                         ScaleInto<Space, ConstStrided<T, Space>, Matrix<double, Space>>{from, part, 1});
    gemm(space, "N", "N", scale, part, m, 0, product, route);
    Kokkos::parallel_for(KRATE_LABEL("krate::rate_distance::convert"), rows(space, take),
                         ScaleInto<Space, Matrix<double, Space>, Strided<T, Space>>{product, to, 1});
  }
}

template <class Space, class T>
void fill_rows(Space const& space, Strided<T, Space> out, ConstStrided<T, Space> like) {
  if (out.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::rate_distance::clear"), rows(space, out.extent(0)),
                       ScaleInto<Space, ConstStrided<T, Space>, Strided<T, Space>>{like, out, 0});
}

template <class Space, class T>
void RateDistance<Space, T>::run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b,
                                 double eps_squared, Workspace<Space> work, Value<double, Space> distance,
                                 Strided<T, Space> da, Strided<T, Space> db, Route route) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::rate_distance"));
  if (a.size() == 0 || b.size() == 0) {
    fill_rows<Space, T>(space, da, a);
    fill_rows<Space, T>(space, db, b);
    return fill(space, distance, 0);
  }
  std::size_t const dim = a.extent(1);
  double const n_a = static_cast<double>(a.extent(0)), n_b = static_cast<double>(b.extent(0)), n = n_a + n_b;
  double const w_a = n_a / n, w_b = n_b / n, beta = static_cast<double>(dim) / eps_squared;
  DistanceScratch<Space> const s(work, std::max(a.extent(0), b.extent(0)), dim);
  using Parts = RateParts<Space, T>;
  Parts::add_moment(space, beta / n_a, a, 0, s.moment, s.a, route);
  Parts::add_moment(space, beta / n_b, b, 0, s.moment, s.b, route);
  Kokkos::parallel_for(KRATE_LABEL("krate::rate_distance::join"), elements(space, dim * dim),
                       JoinMoments<Space>{w_a, w_b, s.a, s.b, s.joint, s.difference});
  auto const rate = [&](std::size_t i) { return Value<double, Space>(s.rates.data() + i); };
  Parts::factorize(space, beta / n_a, a, s.a, s.vectors, s.status, rate(0), route);
  Parts::factorize(space, beta / n_b, b, s.b, s.vectors, s.status, rate(1), route);
  Parts::factorize(space, beta / n, {}, s.joint, s.vectors, s.status, rate(2), route);
  copy(space, s.difference, s.product);
  divide_by_factors<Space>(space, s.a, s.a, s.product, false, route);
  symmetric_eigenvalues(space, s.product, work, s.eigenvalues, route);
  Kokkos::parallel_for(KRATE_LABEL("krate::rate_distance::value"), elements(space, 1),
                       DistanceOfRates<Space>{w_a, w_b, s.rates, s.eigenvalues, distance});
  if (!da.data() && !db.data()) return;
  copy(space, s.difference, s.product);
  divide_by_factors<Space>(space, s.a, s.joint, s.product, true, route);
  multiply_rows<Space, T>(space, -beta * w_b / n, a, s.product, work, da, route);
  divide_by_factors<Space>(space, s.b, s.joint, s.difference, true, route);
  multiply_rows<Space, T>(space, beta * w_a / n, b, s.difference, work, db, route);
}

}  // namespace krate::impl
