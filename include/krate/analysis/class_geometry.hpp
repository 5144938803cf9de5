// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the features of classes lie: their singular values, and the angles between them.
#pragma once

#include "krate/analysis/impl/class_geometry_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

/// Singular values of each class, the largest first: min(m_k, dim) of class k, whose rows are consecutive. They are
/// roots of the eigenvalues of Z_k^T Z_k, so that those below 1e-8 of the largest are rounding.
/// @param z            [m, dim] LayoutRight and contiguous, of double     @param class_sizes  m_k, m in all
/// @throws ShapeError if z does not fit
/// @note allocates: yes; fences: yes; bitwise repeatable: yes
template <class Space, class Z>
std::vector<std::vector<double>> class_singular_values(Space const& space, Z const& z,
                                                       std::vector<std::int64_t> const& class_sizes) {
  static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
  std::int64_t samples = 0;
  for (auto const size : class_sizes) samples += size;
  require_shape("krate::analysis::class_singular_values", "z", z, {static_cast<std::size_t>(samples), z.extent(1)},
                "the sum of the class sizes");
  krate::impl::require_packed(z);
  return krate::impl::ClassGeometry<Space, double>::singular_values(space, as_matrix<Space>(z), class_sizes);
}

/// |cos| of the angle between each two rows of z, [m, m] on the host, row by row; the heat maps of the papers. Rows
/// shorter than 1e-6 of the longest have no direction: 0.
/// @param z  [m, dim] LayoutRight and contiguous, of double
/// @note allocates: yes; fences: yes; bitwise repeatable: yes
template <class Space, class Z>
std::vector<double> absolute_cosines(Space const& space, Z const& z) {
  static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
  krate::impl::require_packed(z);
  return krate::impl::ClassGeometry<Space, double>::cosines(space, as_matrix<Space>(z));
}

/// The largest of absolute_cosines() between rows of different classes.
/// @param cosines  [m, m]     @param class_sizes  m_k, m in all     @throws ShapeError if they do not fit
double largest_cross_cosine(std::vector<double> const& cosines, std::vector<std::int64_t> const& class_sizes);

}  // namespace krate::analysis
