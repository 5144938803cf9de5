// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "analysis/impl/class_moment_batch.hpp"
#include "krate/analysis/impl/class_geometry_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/symmetric_eigen.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate::impl {

template <class Space, class T>
std::vector<std::vector<double>> ClassGeometry<Space, T>::singular_values(
    Space const& space, Matrix<T, Space> z, std::vector<std::int64_t> const& class_sizes) {
  std::size_t const d = z.extent(1), classes = class_sizes.size();
  std::size_t const own = measure<Space>([&](Workspace<Space>& work) {
    work.template take<T>(classes, d, d);
    work.template take<T>(classes, d);
  });
  Arena<Space> const arena(space, own + symmetric_eigen_workspace<T>(classes, d, false),
                           "krate::analysis::class_singular_values");
  auto work = arena.workspace();
  auto const moments = work.template take<T>(classes, d, d);
  auto const values = work.template take<T>(classes, d);
  class_moment_batch(space, z, class_sizes, moments);
  batched_symmetric_eigenvalues(space, moments, work, values);
  std::vector<T> squares(classes * d);
  copy_to_host(space, Vector<T, Space>(values.data(), classes * d), squares,
               KRATE_LABEL("krate::analysis::class_singular_values: eigenvalues are read"));
  std::vector<std::vector<double>> found(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    std::size_t const count = std::min(d, static_cast<std::size_t>(class_sizes[k]));
    for (std::size_t j = 0; j < count; ++j)
      found[k].push_back(std::sqrt(std::max(0.0, static_cast<double>(squares[(k + 1) * d - 1 - j]))));
  }
  return found;
}

template <class Space, class T>
std::vector<double> ClassGeometry<Space, T>::cosines(Space const& space, Matrix<T, Space> z) {
  std::size_t const m = z.extent(0);
  if (z.size() == 0) return std::vector<double>(m * m, 0);
  Arena<Space> const arena(space, measure<Space>([&](Workspace<Space>& work) { work.template take<T>(m, m); }),
                           "krate::analysis::absolute_cosines");
  auto const products = arena.workspace().template take<T>(m, m);
  gram(space, T(1), transposed(as_strided<Space>(z)), T(0), products);
  std::vector<T> found(m * m);
  copy_to_host(space, Vector<T, Space>(products.data(), m * m), found,
               KRATE_LABEL("krate::analysis::absolute_cosines: products are read"));
  std::vector<double> lengths(m), cosines(m * m, 0);
  for (std::size_t i = 0; i < m; ++i) lengths[i] = std::sqrt(static_cast<double>(found[i * (m + 1)]));
  double const least = 1e-6 * *std::max_element(lengths.begin(), lengths.end());
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j)
      if (lengths[i] > least && lengths[j] > least)
        cosines[i * m + j] = std::min(1.0, std::abs(static_cast<double>(found[i * m + j])) / (lengths[i] * lengths[j]));
  return cosines;
}

}  // namespace krate::impl
