// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The landscape of the regularised rate reduction, as theorems 1 and 2 of Wang et al. 2024 have it.
#pragma once

#include "analysis/critical_points.hpp"

namespace {

template <class T>
struct LandscapeTest : ::testing::Test {
  RateProblem const problem{6, {4, 5, 7}, 0.5};
  std::vector<int> const labels = consecutive_labels(problem.class_sizes);
  std::vector<Ranks> const all_ranks = {{0, 0, 0}, {1, 0, 0}, {2, 1, 2}, {1, 1, 1}, {2, 2, 2}, {0, 3, 3}};
};
SCALAR_TESTS(LandscapeTest, krate::testing::OnlyDouble);

SCALAR_TEST(LandscapeTest, MaximisersHaveTheSpectrumOfTheirManifold) {
  for (double const fraction : {0.05, 0.3, 0.6}) {
    double const lambda = fraction * krate::analysis::largest_lambda(this->problem);
    auto const form = krate::analysis::regularised_maximiser(this->problem, lambda);
    auto const objective = objective_of(this->problem, lambda);
    std::uint64_t seed = 7;
    for (auto const& ranks : this->all_ranks) {
      SCOPED_TRACE(std::to_string(fraction) + " case " + std::to_string(seed));
      Array const z = critical_point(this->problem, form, ranks, seed++);
      auto const found = run_regularised<double>(z, this->labels, objective);
      EXPECT_NEAR(found.rate, krate::analysis::maximiser_value(form, ranks), 1e-13);
      EXPECT_LE(norm(found.gradient), 6e-15);
      Array const spectrum = hessian_spectrum(z, this->labels, objective);
      std::size_t const size = spectrum.size();
      EXPECT_LE(spectrum(size - 1), 2e-14);
      auto const nullity = std::count_if(spectrum.data.begin(), spectrum.data.end(),
                                         [](double value) { return std::abs(value) < 1e-10; });
      EXPECT_EQ(nullity, krate::analysis::maximiser_dimension(this->problem, ranks));
      double next = lambda;
      if (std::accumulate(ranks.begin(), ranks.end(), std::int64_t(0)) == 6) {
        next = 1;
        for (std::size_t k = 0; k < 3; ++k)
          if (ranks[k] > 0) next = std::min(next, form.classes[k].kappa);
      }
      EXPECT_NEAR(spectrum(size - 1 - static_cast<std::size_t>(nullity)), -next, 1e-12);
    }
  }
}

SCALAR_TEST(LandscapeTest, OneDirectionAtTheBarrierMakesAStrictSaddle) {
  for (double const fraction : {0.05, 0.3, 0.6}) {
    double const lambda = fraction * krate::analysis::largest_lambda(this->problem);
    auto const form = krate::analysis::regularised_maximiser(this->problem, lambda);
    auto const objective = objective_of(this->problem, lambda);
    for (auto const& ranks : this->all_ranks)
      for (std::size_t k = 0; k < 3; ++k) {
        if (ranks[k] == 0) continue;
        Array const z = critical_point(this->problem, form, ranks, 31 + k, static_cast<std::ptrdiff_t>(k));
        EXPECT_LE(norm(run_regularised<double>(z, this->labels, objective).gradient), 6e-15);
        Array const spectrum = hessian_spectrum(z, this->labels, objective);
        std::size_t const size = spectrum.size();
        EXPECT_NEAR(spectrum(size - 1), form.classes[k].kappa, 1e-13);
        EXPECT_LE(spectrum(size - 2), 2e-14);
      }
  }
}

SCALAR_TEST(LandscapeTest, LanczosFindsTheTopOfLargerSpectra) {
  RateProblem const problem{30, {20, 30, 40}, 0.5};
  auto const labels = consecutive_labels(problem.class_sizes);
  double const lambda = 0.1 * krate::analysis::largest_lambda(problem);
  auto const form = krate::analysis::regularised_maximiser(problem, lambda);
  auto const objective = objective_of(problem, lambda);
  Array const maximiser = critical_point(problem, form, {9, 10, 11}, 3),
              saddle = critical_point(problem, form, {9, 10, 11}, 3, 1);
  auto const top = largest_of_hessian(maximiser, labels, objective, {.count = 6});
  ASSERT_TRUE(top.converged);
  EXPECT_NEAR(top.values[0], 0, 1e-12);
  // Rounding may show further vectors of the manifold; below them comes the smallest curvature, of the largest class.
  auto const next = std::find_if(top.values.begin(), top.values.end(), [](double value) { return value < -1e-8; });
  ASSERT_NE(next, top.values.end());
  EXPECT_NEAR(*next, -form.classes[2].kappa, 1e-10);
  auto const above = largest_of_hessian(saddle, labels, objective, {.count = 2});
  ASSERT_TRUE(above.converged);
  EXPECT_NEAR(above.values[0], form.classes[1].kappa, 1e-12);
  EXPECT_NEAR(above.values[1], 0, 1e-12);
}

/// The whole Hessian as eigenvalues and eigenvectors (rows).
inline std::pair<Array, Array> hessian_modes(Array const& z, std::vector<int> const& labels,
                                             krate::RegularisedRateOptions const& objective) {
  std::size_t const size = z.size();
  Array identity({size, size});
  for (std::size_t i = 0; i < size; ++i) identity(i, i) = 1;
  Array const hessian = run_regularised_hessian<double>(z, labels, objective, identity);
  Bench const bench(krate::symmetric_eigen_workspace<double>(1, size, true));
  Guarded<TestSpace, double, 1> values(size);
  Guarded<TestSpace, double, 2> vectors(size, size);
  krate::symmetric_eigen(bench.space, view<double, 2>(hessian), bench.work(), values.view(), vectors.view(),
                         krate::Route::portable);
  return {values.array(), vectors.array()};
}

/// Minimises |gradient|^2 by the method of Levenberg and Marquardt: finds critical points of any kind.
inline bool find_critical_point(Array& z, std::vector<int> const& labels,
                                krate::RegularisedRateOptions const& objective) {
  double damping = 1e-2;
  Array gradient = run_regularised<double>(z, labels, objective).gradient;
  for (int step = 0; step < 100; ++step) {
    if (norm(gradient) < 1e-9) return true;
    auto const [values, vectors] = hessian_modes(z, labels, objective);
    std::size_t const size = z.size();
    for (; damping < 1e8; damping *= 4) {
      Array next = z;
      for (std::size_t i = 0; i < size; ++i) {
        double along = 0;
        for (std::size_t j = 0; j < size; ++j) along += vectors(i, j) * gradient.data[j];
        double const move = values(i) * along / (values(i) * values(i) + damping);
        for (std::size_t j = 0; j < size; ++j) next.data[j] -= move * vectors(i, j);
      }
      Array const slope = run_regularised<double>(next, labels, objective).gradient;
      if (norm(slope) < norm(gradient)) {
        z = next;
        gradient = slope;
        break;
      }
    }
    damping = std::max(damping / 16, 1e-14);
  }
  return false;
}

SCALAR_TEST(LandscapeTest, CriticalPointsFoundByChanceAreThoseOfTheClosedForm) {
  RateProblem const problem{4, {3, 4}, 0.5};
  auto const labels = consecutive_labels(problem.class_sizes);
  double const lambda = 0.4 * krate::analysis::largest_lambda(problem);
  auto const form = krate::analysis::regularised_maximiser(problem, lambda);
  EXPECT_NEAR(form.classes[0].s_minus, 0.04261193789674141, 1e-14);
  EXPECT_NEAR(form.classes[0].s_plus, 7.700306913877571, 1e-12);
  EXPECT_NEAR(form.classes[1].s_minus, 0.08275111184717501, 1e-14);
  EXPECT_NEAR(form.classes[1].s_plus, 5.286938026983562, 1e-12);
  auto const objective = objective_of(problem, lambda);
  int found = 0, maximisers = 0, saddles = 0;
  int const starts = 150;
  for (int start = 0; start < starts; ++start) {
    double const scales[4] = {0.2, 0.5, 1, 1.5};
    auto const normal = normal_start(problem, static_cast<std::uint64_t>(start), scales[start % 4]);
    Array z = to_array(normal);
    if (!find_critical_point(z, labels, objective)) continue;
    ++found;
    auto const at = view<double, 2>(z);
    auto const sigma = krate::analysis::class_singular_values(TestSpace(), at, problem.class_sizes);
    for (std::size_t k = 0; k < 2; ++k)
      for (double const s : sigma[k])
        EXPECT_LE(
            std::min({s * s, std::abs(s * s - form.classes[k].s_minus), std::abs(s * s - form.classes[k].s_plus)}),
            1e-6);
    for (std::size_t i = 0; i < 3; ++i)  // classes are orthogonal
      for (std::size_t l = 3; l < 7; ++l) {
        double inner = 0;
        for (std::size_t j = 0; j < 4; ++j) inner += z(i, j) * z(l, j);
        EXPECT_NEAR(inner, 0, 1e-6);
      }
    Array const values = hessian_modes(z, labels, objective).first;
    double const top = values(values.size() - 1);
    if (top < 1e-8) {
      ++maximisers;
    } else {
      ++saddles;
      EXPECT_LE(std::min(std::abs(top - form.classes[0].kappa), std::abs(top - form.classes[1].kappa)), 1e-6);
    }
  }
  EXPECT_NEAR(form.classes[0].kappa, 0.1082153, 1e-7);
  EXPECT_NEAR(form.classes[1].kappa, 0.0980578, 1e-7);
  EXPECT_GE(found, starts * 95 / 100);
  EXPECT_GT(maximisers, 0);
  EXPECT_GT(saddles, maximisers);
}

}  // namespace
