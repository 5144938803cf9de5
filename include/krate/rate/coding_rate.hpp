// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/coding_rate_decl.hpp"

namespace krate {

namespace impl {

template <class Z>
double rate_alpha(char const* where, Z const& z, RateOptions const& options) {
  require_eps_squared(where, options.eps_squared);
  auto const rows = static_cast<std::int64_t>(z.extent(0));
  require_value(options.samples == 0 || options.samples >= rows, where, "samples", options.samples,
                "must be 0 or at least the number of rows of z: it counts the samples of all ranks");
  double const n = static_cast<double>(options.samples > 0 ? options.samples : rows);
  return n > 0 ? static_cast<double>(z.extent(1)) / (n * options.eps_squared) : 0;
}

}  // namespace impl

/// Bytes that coding_rate() needs for z [samples, dim].
inline std::size_t coding_rate_workspace(std::size_t samples, std::size_t dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>(
      [&](Workspace<Space>& work) { impl::RateScratch<Space>(work, std::max(samples, dim), std::min(samples, dim)); });
}

/// Coding rate of the rows of z: the number of nats that describe them up to the squared distortion eps_squared,
///     R = 1/2 log det(I + alpha Z^T Z),   alpha = dim / (samples eps_squared)
/// Source: Yu et al. 2020 (MCR2); Yu et al. 2023 (CRATE), eq. 7; the papers write samples as columns. The smaller of
/// the two Gram matrices is factored. Factorization and result are double whatever the scalar of z. So are products,
/// but for float samples with a unit stride and both sides above 64 on a host with BLAS: there they are float, in
/// pieces of 2048 samples, wherever that leaves the rate at least 1e-5 relative accuracy, and else are done in double.
/// @param z     [samples, dim], any layout, zero copy where products have its scalar and it has a unit stride; else
///              converted piece by piece
/// @param work  at least coding_rate_workspace(samples, dim) bytes
/// @param rate  rank-0 View of double; 0 if z is empty, NaN if z has a NaN or its Gram matrix overflows
/// @throws ValueError if eps_squared is not positive, samples is less than the rows of z, or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: coding_rate_gradient
template <class Space, class Z, class Rate>
void coding_rate(Space const& space, Z const& z, RateOptions const& options, Workspace<Space> work, Rate const& rate) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  double const alpha = impl::rate_alpha("krate::coding_rate", z, options);
  impl::CodingRate<Space, T>::value(space, as_strided<Space>(z), alpha, work, as_value<Space>(rate), options.route);
}

/// Bytes that coding_rate_gradient() needs for z [samples, dim].
inline std::size_t coding_rate_gradient_workspace(std::size_t samples, std::size_t dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) {
    std::size_t const rows = std::max(samples, dim), side = std::min(samples, dim);
    impl::RateScratch<Space>(work, rows, side);
    impl::InverseScratch<Space>(work, rows, side);
  });
}

/// Coding rate and its gradient, from one factorization:
///     dR/dZ = alpha Z (I + alpha Z^T Z)^{-1} = alpha (I + alpha Z Z^T)^{-1} Z
/// All eigenvalues of the matrix are at least 1, so that its inverse is safe: it is formed where z is at least twice as
/// long as wide, and triangular products are used otherwise. Float samples: 1e-5 of the largest entry.
/// @param z         as in coding_rate()
/// @param work      at least coding_rate_gradient_workspace(samples, dim) bytes
/// @param rate      rank-0 View of double
/// @param gradient  [samples, dim] of the scalar of z, any layout, written; must not overlap z
/// @throws ShapeError if gradient has another shape than z; ValueError as coding_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes. Where the rate is NaN, so is the gradient.
template <class Space, class Z, class Rate, class Gradient>
void coding_rate_gradient(Space const& space, Z const& z, RateOptions const& options, Workspace<Space> work,
                          Rate const& rate, Gradient const& gradient) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::coding_rate_gradient";
  double const alpha = impl::rate_alpha(where, z, options);
  require_shape(where, "gradient", gradient, {z.extent(0), z.extent(1)}, "same shape as z");
  impl::CodingRate<Space, T>::gradient(space, as_strided<Space>(z), alpha, work, as_value<Space>(rate),
                                       as_strided<Space>(gradient), options.route);
}

}  // namespace krate
