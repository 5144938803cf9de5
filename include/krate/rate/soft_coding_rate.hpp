// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/soft_coding_rate_decl.hpp"

namespace krate {

namespace impl {

template <class Z, class Memberships>
void require_soft_rate(char const* where, Z const& z, Memberships const& memberships, SoftRateOptions const& options) {
  static_assert(std::is_same_v<typename Memberships::non_const_value_type, typename Z::non_const_value_type>,
                "memberships must have the scalar type of z");
  require_eps_squared(where, options.eps_squared);
  require_shape(where, "memberships", memberships, {z.extent(0), memberships.extent(1)}, "a row for each row of z");
}

inline std::size_t soft_rate_bytes(std::size_t samples, std::size_t dim, std::size_t classes,
                                   SoftRateScratch<Kokkos::DefaultHostExecutionSpace>::For what) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) {
    if (what == SoftRateScratch<Space>::For::hessian) work.template take<double>(classes);
    SoftRateScratch<Space>(work, samples, dim, classes, what);
  });
}

}  // namespace impl

/// Bytes that soft_class_coding_rate() needs for z [samples, dim].
inline std::size_t soft_class_coding_rate_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return impl::soft_rate_bytes(samples, dim, classes,
                               impl::SoftRateScratch<Kokkos::DefaultHostExecutionSpace>::For::value);
}
/// Bytes that soft_class_coding_rate_gradient() needs.
inline std::size_t soft_class_coding_rate_gradient_workspace(std::size_t samples, std::size_t dim,
                                                             std::size_t classes) {
  return impl::soft_rate_bytes(samples, dim, classes,
                               impl::SoftRateScratch<Kokkos::DefaultHostExecutionSpace>::For::gradient);
}
/// Bytes that soft_class_coding_rate_hessian_product() needs.
inline std::size_t soft_class_coding_rate_hessian_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return impl::soft_rate_bytes(samples, dim, classes,
                               impl::SoftRateScratch<Kokkos::DefaultHostExecutionSpace>::For::hessian);
}

/// Coding rate of classes that samples belong to in part: with Pi_k = diag(pi_1k, ..., pi_nk) and t_k = tr Pi_k,
///     R^c = sum_k t_k / n R_k,   R_k = 1/2 log det(I + alpha_k Z^T Pi_k Z),   alpha_k = dim / (t_k eps_squared)
/// Source: Yu et al. 2020 (MCR2), soft memberships. A class without weight contributes exactly 0. With memberships of 0
/// and 1 it is class_coding_rate(), which is much cheaper. All classes are done together, in double whatever the
/// scalar.
/// @param z            [samples, dim], any layout
/// @param memberships  [samples, classes] pi >= 0, any layout, of the scalar of z; rows need not add up to 1
/// @param work         at least soft_class_coding_rate_workspace(samples, dim, classes) bytes
/// @param rate         rank-0 View of double; NaN if z has a NaN or a membership is negative or NaN
/// @param per_class    [classes] of double, R_k
/// @throws ShapeError if extents disagree; ValueError if eps_squared is not positive or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: soft_class_coding_rate_gradient
template <class Space, class Z, class Memberships, class Rate, class PerClass>
void soft_class_coding_rate(Space const& space, Z const& z, Memberships const& memberships,
                            SoftRateOptions const& options, Workspace<Space> work, Rate const& rate,
                            PerClass const& per_class) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::soft_class_coding_rate";
  impl::require_soft_rate(where, z, memberships, options);
  require_shape(where, "per_class", per_class, {memberships.extent(1)}, "one number a class");
  impl::SoftCodingRate<Space, T>::run(space, as_strided<Space>(z), as_strided<Space>(memberships), options, work,
                                      as_value<Space>(rate), as_vector<Space>(per_class), {}, {});
}

/// The same and both gradients, from one factorization; with y_ik = (I + alpha_k Z^T Pi_k Z)^{-1} z_i
///     dR^c/dz_i   = dim / (n eps_squared) sum_k pi_ik y_ik
///     dR^c/dpi_ik = (2 R_k + dim / eps_squared z_i . y_ik - (dim - tr (I + alpha_k Z^T Pi_k Z)^{-1})) / (2 n)
/// the latter with n held fixed; NaN for a class without weight, where R^c has one-sided derivatives only.
/// @param dz            [samples, dim], written     @param dmemberships  [samples, classes], written, or [0, 0]: not
/// wanted
/// @param work          at least soft_class_coding_rate_gradient_workspace(samples, dim, classes) bytes
/// @throws ShapeError also if a gradient has another shape than its argument; else as soft_class_coding_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Memberships, class Rate, class PerClass, class DZ, class DMemberships>
void soft_class_coding_rate_gradient(Space const& space, Z const& z, Memberships const& memberships,
                                     SoftRateOptions const& options, Workspace<Space> work, Rate const& rate,
                                     PerClass const& per_class, DZ const& dz, DMemberships const& dmemberships) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::soft_class_coding_rate_gradient";
  impl::require_soft_rate(where, z, memberships, options);
  require_shape(where, "per_class", per_class, {memberships.extent(1)}, "one number a class");
  require_shape(where, "dz", dz, {z.extent(0), z.extent(1)}, "same shape as z");
  if (dmemberships.extent(0) != 0 || dmemberships.extent(1) != 0) {
    require_shape(where, "dmemberships", dmemberships, {z.extent(0), memberships.extent(1)},
                  "same shape as memberships, or [0, 0]");
  }
  impl::SoftCodingRate<Space, T>::run(space, as_strided<Space>(z), as_strided<Space>(memberships), options, work,
                                      as_value<Space>(rate), as_vector<Space>(per_class), as_strided<Space>(dz),
                                      as_strided<Space>(dmemberships));
}

/// Product of the Hessian of R^c in z with a direction D: with S_k = I + alpha_k Z^T Pi_k Z and
/// M_k = Z^T Pi_k D + D^T Pi_k Z,
///     (H D)_i = dim / (n eps_squared) sum_k pi_ik (S_k^{-1} d_i - alpha_k S_k^{-1} M_k S_k^{-1} z_i)
/// Source: the derivative of the gradient above; for Newton steps, Lanczos and the saddle points of Wang et al. 2024.
/// @param direction  [samples, dim]     @param product  [samples, dim], written; must not overlap the inputs
/// @param work       at least soft_class_coding_rate_hessian_workspace(samples, dim, classes) bytes
/// @throws ShapeError if extents disagree; ValueError if eps_squared is not positive or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Memberships, class Direction, class Product>
void soft_class_coding_rate_hessian_product(Space const& space, Z const& z, Memberships const& memberships,
                                            SoftRateOptions const& options, Direction const& direction,
                                            Workspace<Space> work, Product const& product) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::soft_class_coding_rate_hessian_product";
  impl::require_soft_rate(where, z, memberships, options);
  require_shape(where, "direction", direction, {z.extent(0), z.extent(1)}, "same shape as z");
  require_shape(where, "product", product, {z.extent(0), z.extent(1)}, "same shape as z");
  impl::SoftCodingRate<Space, T>::hessian_product(space, as_strided<Space>(z), as_strided<Space>(memberships), options,
                                                  as_strided<Space>(direction), work, as_strided<Space>(product));
}

/// Bytes that class_coding_rate_hessian_product() needs.
template <class T>
std::size_t class_coding_rate_hessian_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { work.template take<T>(samples, classes); }) +
         soft_class_coding_rate_hessian_workspace(samples, dim, classes);
}

/// The same for hard labels: product of the Hessian of class_coding_rate() in z with a direction.
/// @param labels  [samples] of Label; rows of the product whose label is out of range, and all others, become NaN
/// @param work    at least class_coding_rate_hessian_workspace<T>(samples, dim, options.classes) bytes
/// @throws ShapeError, ValueError as soft_class_coding_rate_hessian_product()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Labels, class Direction, class Product>
void class_coding_rate_hessian_product(Space const& space, Z const& z, Labels const& labels,
                                       ClassRateOptions const& options, Direction const& direction,
                                       Workspace<Space> work, Product const& product) {
  using T = typename Z::non_const_value_type;
  static_assert(std::is_same_v<typename Labels::non_const_value_type, Label>, "labels are krate::Label");
  constexpr char const* where = "krate::class_coding_rate_hessian_product";
  require_value(options.classes > 0, where, "classes", options.classes, "must be positive");
  require_shape(where, "labels", labels, {z.extent(0)}, "one a row of z");
  auto const memberships = work.template take<T>(z.extent(0), options.classes);
  impl::SoftCodingRate<Space, T>::one_hot(space, as_vector<Space>(labels), memberships);
  soft_class_coding_rate_hessian_product(space, z, memberships, {options.eps_squared, options.route}, direction, work,
                                         product);
}

/// Bytes that coding_rate_hessian_product() needs.
template <class T>
std::size_t coding_rate_hessian_workspace(std::size_t samples, std::size_t dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([](Workspace<Space>& work) { work.template take<T>(); }) +
         soft_class_coding_rate_hessian_workspace(samples, dim, 1);
}

/// The same for coding_rate(), which is the rate of one class that all samples belong to.
/// @param work  at least coding_rate_hessian_workspace<T>(samples, dim) bytes
/// @throws ShapeError, ValueError as soft_class_coding_rate_hessian_product()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Direction, class Product>
void coding_rate_hessian_product(Space const& space, Z const& z, SoftRateOptions const& options,
                                 Direction const& direction, Workspace<Space> work, Product const& product) {
  using T = typename Z::non_const_value_type;
  auto const one = work.template take<T>();
  fill(space, one, T(1));
  Strided<T, Space> const memberships(one.data(), Kokkos::LayoutStride(z.extent(0), 0, 1, 0));
  soft_class_coding_rate_hessian_product(space, z, memberships, options, direction, work, product);
}

}  // namespace krate
