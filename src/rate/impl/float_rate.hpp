// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rates of float samples on a host with BLAS: long products in float, pieces of sums and the factorization in double.
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gram.hpp"
#include "krate/linalg/triangular_inverse.hpp"
#include "krate/rate/impl/rate_parts_decl.hpp"
#include "linalg/impl/vendor.hpp"
#include "rate/impl/rate_kernels.hpp"
#include "rate/impl/rate_steps.hpp"

namespace krate::impl {

struct FloatProducts {
  static constexpr std::size_t rows = 2048;  ///< whose sum is kept in float
  /// Narrow matrices have kernels that are as fast in double.
  static bool pay(std::size_t dim) { return dim > 64; }
  static bool fit(double alpha) { return alpha > 1e-30 && alpha < 1e30; }
};

/// One team a row: moment = alpha sum + moment, lower triangle.
template <class Space>
struct AddFloatSums {
  ConstMatrix<float, Space> sums;
  Matrix<double, Space> moment;  ///< as many rows, and the columns up to the diagonal
  double alpha;
  std::int64_t first;  ///< row of the whole moment
  bool begin;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(first + i + 1)), [&](int j) {
      double const sum = alpha * static_cast<double>(sums(i, j));
      moment(first + i, j) = begin ? sum : moment(first + i, j) + sum;
    });
  }
};

/// One team. The rate, or NaN where float products are not enough.
template <class Space>
struct RateIfSure {
  ConstMatrix<double, Space> factor, vectors;
  double underflow;
  Value<double, Space> rate;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const n = static_cast<int>(factor.extent(0));
    FactorRate found;
    for (int i = 0; i < n; ++i) found.add(vectors(0, i), vectors(1, i), factor(i, i));
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      rate() = found.is_poor_in_float(underflow) ? Kokkos::Experimental::quiet_NaN_v<double> : found.rate;
    });
  }
};

template <class Space>
struct FloatRate {
  using Samples = ConstStrided<float, Space>;

  /// @param z  [rows, dim], rows >= dim
  static bool suits(double alpha, Samples z, Route route) {
    return has_host_blas<Space> && route != Route::portable && FloatProducts::pay(z.extent(1)) &&
           FloatProducts::fit(alpha) && operand(z).good;
  }

  /// alpha z^T z, lower triangle, by block rows: faster than a vendor's rank-k update.
  static void moment(Space const& space, double alpha, Samples z, Matrix<double, Space> scratch,
                     Matrix<double, Space> moment) {
    Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::coding_rate::gram[float]"));
    std::size_t const count = z.extent(0), dim = z.extent(1), height = std::min<std::size_t>(128, scratch.extent(0));
    for (std::size_t begin = 0; begin < count; begin += FloatProducts::rows)
      for (std::size_t i = 0; i < dim; i += height) {
        std::size_t const take = std::min(FloatProducts::rows, count - begin), tall = std::min(height, dim - i);
        Matrix<float, Space> const sums(reinterpret_cast<float*>(scratch.data()), tall, i + tall);
        gemm(space, "T", "N", 1, block(z, begin, take, i, tall), block(z, begin, take, 0, i + tall), 0, sums);
        Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::add_float_sums"), rows(space, tall),
                             AddFloatSums<Space>{sums, moment, alpha, static_cast<std::int64_t>(i), begin == 0});
      }
  }

  /// False where z needs double products; then `rate` is NaN.
  static bool value(Space const& space, double alpha, Samples z, RateScratch<Space> const& s,
                    Value<double, Space> rate) {
    moment(space, alpha, z, s.moment.packed, s.factor);
    factor_and_squares<Space>(space, s.factor, s.vectors, s.status, Route::automatic);
    double const underflow = alpha * static_cast<double>(z.size()) * Kokkos::Experimental::norm_min_v<float>;
    Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::rate_if_sure"), rows(space, 1),
                         RateIfSure<Space>{s.factor, s.vectors, underflow, rate});
    return rate() == rate();
  }

  /// out = alpha z S^{-1}
  static void gradient(Space const& space, double alpha, Samples z, ConstMatrix<double, Space> factor,
                       Workspace<Space> work, Strided<float, Space> out) {
    Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::coding_rate::gradient[float]"));
    std::size_t const dim = z.extent(1);
    InverseScratch<Space> const s(work, z.extent(0), dim);
    triangular_inverse(space, factor, s.root);
    if (s.few) {
      Matrix<float, Space> const root(reinterpret_cast<float*>(s.product.data()), dim, dim);
      scale_into(space, 1, s.root, root);
      scale_into(space, alpha, z, out);
      triangular_multiply(space, "N", root, transposed(out));
      return triangular_multiply(space, "T", root, transposed(out));
    }
    gram(space, 1, s.root, 0, s.inverse);
    Matrix<float, Space> const inverse(reinterpret_cast<float*>(s.root.data()), dim, dim);
    scale_into(space, alpha, s.inverse, inverse);
    gemm(space, "N", "N", 1, z, inverse, 0, out);
  }
};

}  // namespace krate::impl
