// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>

#include "analysis/impl/class_moment_batch.hpp"
#include "analysis/impl/climb.hpp"
#include "krate/analysis/impl/constrained_ascent_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/linalg/symmetric_eigen.hpp"
#include "krate/rate/impl/host_copy.hpp"
#include "krate/rate/regularised_rate.hpp"

namespace krate::impl {

/// What the ascent cuts from its arena beside what the rates and eigenvalues take.
template <class Space, class T>
struct ConstrainedScratch {
  Matrix<T, Space> gradient, before, coefficients;
  Tensor3<T, Space> moments, vectors;
  Matrix<T, Space> values;
  Vector<T, Space> numbers;
  Vector<Label, Space> labels;
  ConstrainedScratch(Workspace<Space>& work, std::size_t n, std::size_t d, std::size_t classes)
      : gradient(work.template take<T>(n, d)),
        before(work.template take<T>(n, d)),
        coefficients(work.template take<T>(n, d)),
        moments(work.template take<T>(classes, d, d)),
        vectors(work.template take<T>(classes, d, d)),
        values(work.template take<T>(classes, d)),
        numbers(work.template take<T>(2)),
        labels(work.template take<Label>(n)) {}
};

/// Each class is cut to its leading right singular vectors V and rescaled: Z_k := s Z_k V^T V, |Z_k|^2 = m_k.
template <class Space, class T>
void project(Space const& space, Matrix<T, Space> const& z, analysis::RateProblem const& problem,
             std::vector<std::int64_t> const& ranks, ConstrainedScratch<Space, T> const& s,
             Workspace<Space> const& work) {
  std::size_t const d = problem.dim, classes = ranks.size();
  class_moment_batch(space, z, problem.class_sizes, s.moments);
  batched_symmetric_eigen(space, s.moments, work, s.values, s.vectors);
  std::vector<T> values(classes * d);
  copy_to_host(space, Vector<T, Space>(s.values.data(), classes * d), values,
               KRATE_LABEL("krate::analysis::constrained_ascent: squared singular values are read"));
  for (std::size_t k = 0; k < classes; ++k) {
    auto const rank = static_cast<std::size_t>(ranks[k]);
    T kept = 0;  // eigenvalues ascend
    for (std::size_t j = (k + 1) * d - rank; j < (k + 1) * d; ++j) kept += values[j];
    auto const rows = class_rows(z, problem.class_sizes, k);
    Matrix<T, Space> const leading(s.vectors.data() + (k * d + d - rank) * d, rank, d);
    Matrix<T, Space> const coefficients(s.coefficients.data(), rows.extent(0), rank);
    gemm(space, "N", "T", std::sqrt(static_cast<T>(problem.class_sizes[k]) / kept), rows, leading, T(0), coefficients);
    gemm(space, "N", "N", T(1), coefficients, leading, T(0), rows);
  }
}

template <class Space, class T>
analysis::AscentTrace ConstrainedAscent<Space, T>::run(Space const& space, Matrix<T, Space> z,
                                                       analysis::RateProblem const& problem,
                                                       std::vector<std::int64_t> const& ranks,
                                                       analysis::AscentOptions const& options) {
  constexpr char const* where = "krate::analysis::constrained_ascent";
  require_ascent(where, options);
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::analysis::constrained_ascent"));
  std::size_t const n = z.extent(0), d = z.extent(1), classes = ranks.size();
  std::size_t const inner =
      std::max(regularised_rate_workspace<T>(n, d, classes), symmetric_eigen_workspace<T>(classes, d, true));
  std::size_t const own =
      measure<Space>([&](Workspace<Space>& work) { ConstrainedScratch<Space, T>(work, n, d, classes); });
  Arena<Space> const arena(space, own + inner, "krate::analysis::constrained_ascent");
  auto work = arena.workspace();
  ConstrainedScratch<Space, T> const s(work, n, d, classes);
  std::vector<Label> labels;
  for (std::size_t k = 0; k < classes; ++k)
    labels.insert(labels.end(), static_cast<std::size_t>(problem.class_sizes[k]), static_cast<Label>(k));
  copy_to_device(space, labels, s.labels);
  double const step = options.step > 0 ? options.step : 2 / problem.alpha();
  RegularisedRateOptions const objective{.eps_squared = problem.eps_squared, .lambda = 0, .classes = classes};

  project<Space, T>(space, z, problem, ranks, s, work);
  analysis::AscentTrace trace;
  std::array<T, 2> found{};
  while (true) {
    regularised_rate_gradient(space, z, s.labels, objective, work, Value<T, Space>(s.numbers.data()), s.gradient);
    copy(space, z, s.before);
    step_along<Space, T>(space, step, s.gradient, z);
    project<Space, T>(space, z, problem, ranks, s, work);
    step_along<Space, T>(space, T(-1), z, s.before);
    square_norm<Space, T>(space, s.before, Value<T, Space>(s.numbers.data() + 1));
    copy_to_host(space, s.numbers, found,
                 KRATE_LABEL("krate::analysis::constrained_ascent: objective and norm are read"));
    if (record(where, options, found[0], std::sqrt(found[1]) / step, trace)) return trace;
  }
}

}  // namespace krate::impl
