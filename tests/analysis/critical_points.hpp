// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Critical points of the regularised rate reduction, built from the closed form.
#pragma once

#include "krate/analysis/class_geometry.hpp"
#include "krate/analysis/constrained_maximiser.hpp"
#include "krate/analysis/lanczos.hpp"
#include "krate/analysis/regularised_ascent.hpp"
#include "krate/analysis/regularised_maximiser.hpp"
#include "krate/nn/initialize.hpp"
#include "rate/regularised_runs.hpp"

namespace {

using krate::analysis::RateProblem;
using Ranks = std::vector<std::int64_t>;
using HostMatrix = Kokkos::View<double**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>>;

inline std::size_t samples_of(RateProblem const& problem) {
  return static_cast<std::size_t>(problem.samples());
}

inline krate::RegularisedRateOptions objective_of(RateProblem const& problem, double lambda) {
  return {.eps_squared = problem.eps_squared, .lambda = lambda, .classes = problem.class_sizes.size()};
}

/// Rows of class k: V_k diag(roots of `squares`) U_k^T with random orthonormal V_k and U_k, all U_k orthogonal to each
/// other; squares[k] has r_k numbers.
inline Array critical_point(RateProblem const& problem, std::vector<std::vector<double>> const& squares,
                            std::uint64_t seed) {
  std::size_t const d = problem.dim;
  Array const u = krate::testing::orthonormal(seed, d);
  Array z({samples_of(problem), d});
  std::size_t row = 0, direction = 0;
  for (std::size_t k = 0; k < squares.size(); ++k) {
    auto const size = static_cast<std::size_t>(problem.class_sizes[k]);
    Array const v = krate::testing::orthonormal(seed + 100 + k, size);
    for (std::size_t r = 0; r < squares[k].size(); ++r, ++direction)
      for (std::size_t i = 0; i < size; ++i)
        for (std::size_t j = 0; j < d; ++j) z(row + i, j) += std::sqrt(squares[k][r]) * v(r, i) * u(direction, j);
    row += size;
  }
  return z;
}

/// All directions of these ranks at s_plus; with `saddle`, the first of that class at s_minus.
inline Array critical_point(RateProblem const& problem, krate::analysis::RegularisedMaximiser const& form,
                            Ranks const& ranks, std::uint64_t seed, std::ptrdiff_t saddle = -1) {
  std::vector<std::vector<double>> squares;
  for (std::size_t k = 0; k < ranks.size(); ++k)
    squares.emplace_back(static_cast<std::size_t>(ranks[k]), form.classes[k].s_plus);
  if (saddle >= 0)
    squares[static_cast<std::size_t>(saddle)][0] = form.classes[static_cast<std::size_t>(saddle)].s_minus;
  return critical_point(problem, squares, seed);
}

inline double norm(Array const& a) {
  return std::sqrt(krate::testing::dot(a, a));
}

inline HostMatrix normal_start(RateProblem const& problem, std::uint64_t seed, double scale = 1) {
  HostMatrix const z("krate::test::z", samples_of(problem), problem.dim);
  krate::initialize_normal(TestSpace(), z, scale, krate::Seed{seed}, 1);
  return z;
}

/// Directions that have cleared the barrier.
inline Ranks ranks_of(std::vector<std::vector<double>> const& sigma,
                      krate::analysis::RegularisedMaximiser const& form) {
  Ranks ranks;
  for (std::size_t k = 0; k < sigma.size(); ++k)
    ranks.push_back(
        std::count_if(sigma[k].begin(), sigma[k].end(), [&](double s) { return s * s > form.classes[k].s_minus; }));
  return ranks;
}

inline krate::analysis::LanczosResult largest_of_hessian(Array const& z, std::vector<int> const& labels,
                                                         krate::RegularisedRateOptions const& objective,
                                                         krate::analysis::LanczosOptions const& options) {
  std::size_t const n = z.extent(0), d = z.extent(1);
  Bench const bench(krate::regularised_rate_hessian_workspace<double>(n, d, objective.classes));
  auto const at = view<double, 2>(z);
  auto const its = label_view(labels);
  return krate::analysis::largest_eigenvalues<TestSpace>(
      bench.space, n * d, options, [&](krate::ConstVector<double, TestSpace> x, krate::Vector<double, TestSpace> y) {
        krate::regularised_rate_hessian_product(bench.space, at, its, objective,
                                                krate::ConstMatrix<double, TestSpace>(x.data(), n, d), bench.work(),
                                                krate::Matrix<double, TestSpace>(y.data(), n, d));
      });
}

}  // namespace
