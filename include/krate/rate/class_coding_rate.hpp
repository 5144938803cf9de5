// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"

namespace krate {

namespace impl {

template <class Z, class Labels, class PerClass>
void require_class_rate(char const* where, Z const& z, Labels const& labels, ClassRateOptions const& options,
                        PerClass const& per_class) {
  static_assert(std::is_same_v<typename Labels::non_const_value_type, Label>, "labels are krate::Label");
  require_eps_squared(where, options.eps_squared);
  require_value(options.classes > 0, where, "classes", options.classes, "must be positive");
  require_shape(where, "labels", labels, {z.extent(0)}, "one a row of z");
  require_shape(where, "per_class", per_class, {options.classes}, "one number a class");
}

}  // namespace impl

/// Bytes that class_coding_rate() and class_coding_rate_gradient() need for z [samples, dim].
inline std::size_t class_coding_rate_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { impl::ClassRateScratch<Space>(work, samples, dim, classes); });
}

/// Coding rate of classes: with Z_k the n_k rows of z whose label is k,
///     R^c = sum_k n_k / n R_k,   R_k = 1/2 log det(I + alpha_k Z_k^T Z_k),   alpha_k = dim / (n_k eps_squared)
/// Source: Yu et al. 2020 (MCR2), the rate of a hard partition. The rate reduction is coding_rate() less this. A class
/// without samples contributes exactly 0. Rows are gathered by class in a fixed order, and each class factors its
/// smaller Gram matrix; all classes are done together, in double; but for float samples wider than 64 on a host with
/// BLAS products are float wherever that leaves all rates at least 1e-5 relative accuracy, as in coding_rate().
/// @param z          [samples, dim], any layout
/// @param labels     [samples] of Label
/// @param work       at least class_coding_rate_workspace(samples, dim, options.classes) bytes
/// @param rate       rank-0 View of double, R^c; NaN if a label is outside [0, classes) or if some R_k is NaN
/// @param per_class  [classes] of double, R_k; NaN for a class with NaN among its features
/// @throws ShapeError if extents disagree; ValueError if eps_squared or classes is not positive or the workspace is too
///         small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads; gradient:
///       class_coding_rate_gradient
template <class Space, class Z, class Labels, class Rate, class PerClass>
void class_coding_rate(Space const& space, Z const& z, Labels const& labels, ClassRateOptions const& options,
                       Workspace<Space> work, Rate const& rate, PerClass const& per_class) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_class_rate("krate::class_coding_rate", z, labels, options, per_class);
  impl::ClassCodingRate<Space, T>::run(space, as_strided<Space>(z), as_vector<Space>(labels), options, work,
                                       as_value<Space>(rate), as_vector<Space>(per_class), {});
}

/// The same and the gradient of R^c, from one factorization:
///     dR^c/dZ_k = alpha (I + alpha_k Z_k Z_k^T)^{-1} Z_k,   alpha = dim / (samples eps_squared)
/// Float samples: 1e-5 of the largest entry.
/// @param gradient  [samples, dim] of the scalar of z, any layout, written; rows with a label out of range become NaN
/// @throws ShapeError also if gradient has another shape than z; else as class_coding_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Z, class Labels, class Rate, class PerClass, class Gradient>
void class_coding_rate_gradient(Space const& space, Z const& z, Labels const& labels, ClassRateOptions const& options,
                                Workspace<Space> work, Rate const& rate, PerClass const& per_class,
                                Gradient const& gradient) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::class_coding_rate_gradient";
  impl::require_class_rate(where, z, labels, options, per_class);
  require_shape(where, "gradient", gradient, {z.extent(0), z.extent(1)}, "same shape as z");
  impl::ClassCodingRate<Space, T>::run(space, as_strided<Space>(z), as_vector<Space>(labels), options, work,
                                       as_value<Space>(rate), as_vector<Space>(per_class), as_strided<Space>(gradient));
}

}  // namespace krate
