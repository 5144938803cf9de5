// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The regularised rate reduction, whose maximisers are known in closed form (krate/analysis/regularised_maximiser.hpp).
#pragma once

#include "krate/rate/class_coding_rate.hpp"
#include "krate/rate/coding_rate.hpp"
#include "krate/rate/impl/regularised_rate_decl.hpp"
#include "krate/rate/soft_coding_rate.hpp"

namespace krate {

struct RegularisedRateOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  double lambda = 0;               ///< weight of the penalty, not negative; 0 leaves the rate reduction
  std::size_t classes = 0;         ///< labels are 0 .. classes - 1
  double gamma_1 = 1;              ///< scales the moments in R; 20 for labels made by augmentation, with gamma_2 = 0.05
  double gamma_2 = 1;              ///< weight of R
  Route route = Route::automatic;  ///< which code runs products and factorizations

  RateOptions whole() const { return {eps_squared / gamma_1, 0, route}; }
  ClassRateOptions parts() const { return {eps_squared, classes, route}; }
};

namespace impl {

/// What the objective takes beside the rates' own temporaries.
template <class Space, class T>
struct RegularisedScratch {
  Vector<double, Space> rates, squares, per_class;
  Matrix<T, Space> parts;  ///< the gradient of R^c
  RegularisedScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : rates(work.template take<double>(2)),
        squares(work.template take<double>(samples)),
        per_class(work.template take<double>(classes)),
        parts(work.template take<T>(samples, dim)) {}
  Value<double, Space> whole_rate() const { return Value<double, Space>(rates.data()); }
  Value<double, Space> parts_rate() const { return Value<double, Space>(rates.data() + 1); }
};

inline void require_weights(char const* where, RegularisedRateOptions const& options) {
  auto const require = [&](bool good, char const* name, double value, char const* what) {
    require_value(good && std::isfinite(value), where, name, value, what);
  };
  require(options.lambda >= 0, "lambda", options.lambda, "must be finite and not negative");
  require(options.gamma_1 > 0, "gamma_1", options.gamma_1, "must be positive and finite; 1 is the rate reduction");
  require(options.gamma_2 >= 0, "gamma_2", options.gamma_2, "must be finite and not negative");
}

}  // namespace impl

/// Bytes that regularised_rate() and regularised_rate_gradient() need for z [samples, dim] of T.
template <class T>
std::size_t regularised_rate_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>(
             [&](Workspace<Space>& work) { impl::RegularisedScratch<Space, T>(work, samples, dim, classes); }) +
         std::max(coding_rate_gradient_workspace(samples, dim), class_coding_rate_workspace(samples, dim, classes));
}

/// Regularised rate reduction of the rows of z and their labels, to be maximised:
///     F = R - R^c - lambda / 2 |Z|^2
/// with R of coding_rate() and R^c of class_coding_rate(). Source: Wang et al. 2024 (landscape of MCR2); the paper
/// writes samples as columns. With weights, R is gamma_2 / 2 log det(I + gamma_1 alpha Z^T Z), as in the code of Yu et
/// al. 2020 for labels that augmentation makes.
/// @param z       [samples, dim], any layout     @param labels  [samples] of Label
/// @param work    at least regularised_rate_workspace<T>(samples, dim, options.classes) bytes
/// @param value   rank-0 View of double, in nats; NaN if z has a NaN or a label is out of range
/// @throws ShapeError if extents disagree; ValueError if eps_squared, classes or gamma_1 is not positive, lambda or
/// gamma_2 is negative, or
///         the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: regularised_rate_gradient
template <class Space, class Z, class Labels, class Result>
void regularised_rate(Space const& space, Z const& z, Labels const& labels, RegularisedRateOptions const& options,
                      Workspace<Space> work, Result const& value) {
  using T = typename Z::non_const_value_type;
  impl::require_weights("krate::regularised_rate", options);
  impl::RegularisedScratch<Space, T> const s(work, z.extent(0), z.extent(1), options.classes);
  coding_rate(space, z, options.whole(), work, s.whole_rate());
  class_coding_rate(space, z, labels, options.parts(), work, s.parts_rate(), s.per_class);
  impl::RegularisedRate<Space, T>::value(space, as_strided<Space>(z), options.gamma_2, options.lambda, s.rates,
                                         s.squares, as_value<Space>(value));
}

/// The same and its gradient dF/dZ = dR/dZ - dR^c/dZ - lambda Z; each rate and its gradient share a factorization.
/// @param gradient  [samples, dim] of the scalar of z, any layout, written; must not overlap z
/// @throws ShapeError also if gradient has another shape than z; else as regularised_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Labels, class Result, class Gradient>
void regularised_rate_gradient(Space const& space, Z const& z, Labels const& labels,
                               RegularisedRateOptions const& options, Workspace<Space> work, Result const& value,
                               Gradient const& gradient) {
  using T = typename Z::non_const_value_type;
  impl::require_weights("krate::regularised_rate_gradient", options);
  impl::RegularisedScratch<Space, T> const s(work, z.extent(0), z.extent(1), options.classes);
  coding_rate_gradient(space, z, options.whole(), work, s.whole_rate(), gradient);
  class_coding_rate_gradient(space, z, labels, options.parts(), work, s.parts_rate(), s.per_class, s.parts);
  impl::RegularisedRate<Space, T>::value(space, as_strided<Space>(z), options.gamma_2, options.lambda, s.rates,
                                         s.squares, as_value<Space>(value));
  impl::RegularisedRate<Space, T>::combine(space, as_strided<Space>(z), options.gamma_2, options.lambda, s.parts,
                                           as_strided<Space>(gradient));
}

/// Bytes that regularised_rate_hessian_product() needs.
template <class T>
std::size_t regularised_rate_hessian_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { work.template take<T>(samples, dim); }) +
         std::max(coding_rate_hessian_workspace<T>(samples, dim),
                  class_coding_rate_hessian_workspace<T>(samples, dim, classes));
}

/// Product of the Hessian of F in z with a direction D; see soft_class_coding_rate_hessian_product().
/// @param direction  [samples, dim]     @param product  [samples, dim], written; must not overlap the inputs
/// @param work       at least regularised_rate_hessian_workspace<T>(samples, dim, options.classes) bytes
/// @throws ShapeError, ValueError as regularised_rate()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Z, class Labels, class Direction, class Product>
void regularised_rate_hessian_product(Space const& space, Z const& z, Labels const& labels,
                                      RegularisedRateOptions const& options, Direction const& direction,
                                      Workspace<Space> work, Product const& product) {
  using T = typename Z::non_const_value_type;
  impl::require_weights("krate::regularised_rate_hessian_product", options);
  auto const parts = work.template take<T>(z.extent(0), z.extent(1));
  coding_rate_hessian_product(space, z, {options.whole().eps_squared, options.route}, direction, work, product);
  class_coding_rate_hessian_product(space, z, labels, options.parts(), direction, work, parts);
  impl::RegularisedRate<Space, T>::combine(space, as_strided<Space>(direction), options.gamma_2, options.lambda, parts,
                                           as_strided<Space>(product));
}

}  // namespace krate
