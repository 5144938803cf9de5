// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/rate_distance_decl.hpp"

namespace krate {

struct RateDistanceOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

/// Bytes that rate_distance() and rate_distance_gradient() need for sets of samples [rows_a, dim] and [rows_b, dim].
inline std::size_t rate_distance_workspace(std::size_t rows_a, std::size_t rows_b, std::size_t dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  auto const moments = [&](Workspace<Space>& work) {
    impl::DistanceScratch<Space>(work, std::max(rows_a, rows_b), dim);
  };
  std::size_t const products = measure<Space>([&](Workspace<Space>& work) {
    work.template take<double>(std::min(std::max(rows_a, rows_b), impl::rate_chunk), 2 * dim);
  });
  return measure<Space>(moments) + std::max(symmetric_eigen_workspace<double>(1, dim, false), products);
}

/// How far apart two sets of samples are: the rate of both together less what each needs alone. With n = n_a + n_b,
/// beta = dim / eps_squared, S_a = I + beta / n_a A^T A, S_b alike and S that of both together,
///     Delta R(A, B) = 1/2 (log det S - n_a / n log det S_a - n_b / n log det S_b)
///                   = 1/2 sum_i log(n_a / n + n_b / n rho_i) - n_b / n log rho_i,   rho_i the eigenvalues of S_a^-1
///                   S_b
/// Source: Yu et al. 2020 (MCR2), the rate reduction of two classes; Dai et al. 2022 (CTRL), the distance that its game
/// is played on. The second form has no negative term and keeps relative accuracy however close the sets are; it is
/// taken where the first one cancels. All in double whatever the scalar of the samples.
/// @param a,b       [rows, dim], any layouts; only their second moments matter, not which sample is which
/// @param work      at least rate_distance_workspace(rows of a, rows of b, dim) bytes
/// @param distance  rank-0 View of double; never negative, 0 if a set is empty, NaN if a sample has a NaN
/// @throws ShapeError if the sets have different widths; ValueError if eps_squared is not positive or the workspace is
///         too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: rate_distance_gradient
template <class Space, class A, class B, class Distance>
void rate_distance(Space const& space, A const& a, B const& b, RateDistanceOptions const& options,
                   Workspace<Space> work, Distance const& distance) {
  using T = typename A::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::rate_distance";
  impl::require_eps_squared(where, options.eps_squared);
  require_shape(where, "b", b, {b.extent(0), a.extent(1)}, "dim is a.extent(1)");
  impl::RateDistance<Space, T>::run(space, as_strided<Space>(a), as_strided<Space>(b), options.eps_squared, work,
                                    as_value<Space>(distance), {}, {}, options.route);
}

/// The same and its gradients, from one set of factorizations:
///     dA = -beta n_b / n^2 A S_a^{-1} (S_b - S_a) S^{-1},   dB = beta n_a / n^2 B S_b^{-1} (S_b - S_a) S^{-1}
/// which do not cancel where the sets are close.
/// @param da,db  same shapes as a and b, any layouts, written; must not overlap the samples
/// @throws ShapeError also if a gradient has another shape than its argument; else as rate_distance()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class A, class B, class Distance, class DA, class DB>
void rate_distance_gradient(Space const& space, A const& a, B const& b, RateDistanceOptions const& options,
                            Workspace<Space> work, Distance const& distance, DA const& da, DB const& db) {
  using T = typename A::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::rate_distance_gradient";
  impl::require_eps_squared(where, options.eps_squared);
  require_shape(where, "b", b, {b.extent(0), a.extent(1)}, "dim is a.extent(1)");
  require_shape(where, "da", da, {a.extent(0), a.extent(1)}, "same shape as a");
  require_shape(where, "db", db, {b.extent(0), b.extent(1)}, "same shape as b");
  impl::RateDistance<Space, T>::run(space, as_strided<Space>(a), as_strided<Space>(b), options.eps_squared, work,
                                    as_value<Space>(distance), as_strided<Space>(da), as_strided<Space>(db),
                                    options.route);
}

}  // namespace krate
