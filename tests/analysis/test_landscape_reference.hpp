// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/landscape.h5: closed forms, critical points with all Hessian eigenvalues, ascents, constrained optima.
#pragma once

#include "analysis/critical_points.hpp"
#include "krate/io/hdf5.hpp"
#include "support/reference_file.hpp"

namespace {

template <class T>
struct LandscapeReferenceTest : ::testing::Test {
  krate::io::File const file = krate::io::File::open(krate::testing::reference_file("landscape.h5"));

  Array array(std::string const& path) const {
    Array a;
    a.data = file.read_all<double>(path, &a.shape);
    return a;
  }
  double number(std::string const& path) const { return array(path).data[0]; }
  Ranks integers(std::string const& path) const { return file.read_all<std::int64_t>(path); }
  RateProblem problem(std::string const& path) const {
    auto const about = file.attributes(path);
    return {static_cast<std::size_t>(about.get<std::int64_t>("d")), integers(path + "/counts"),
            about.get<double>("eps2")};
  }
};
SCALAR_TESTS(LandscapeReferenceTest, krate::testing::OnlyDouble);

SCALAR_TEST(LandscapeReferenceTest, ClosedFormsAndCriticalPoints) {
  int cases = 0;
  for (auto const& name : this->file.list("/regularised")) {
    std::string const path = "/regularised/" + name;
    if (!this->file.exists(path + "/kappa")) continue;
    SCOPED_TRACE(path);
    RateProblem const problem = this->problem(path);
    double const lambda = this->file.attributes(path).template get<double>("lam");
    auto const form = krate::analysis::regularised_maximiser(problem, lambda);
    auto const labels = consecutive_labels(problem.class_sizes);
    auto const objective = objective_of(problem, lambda);
    EXPECT_NEAR(form.lambda_max, this->number(path + "/lambda_max"), 1e-14);
    EXPECT_NEAR(form.lambda_glob, this->number(path + "/lambda_glob"), 1e-10);
    for (std::size_t k = 0; k < form.classes.size(); ++k) {
      auto const& c = form.classes[k];
      EXPECT_NEAR(c.s_minus, this->array(path + "/s_minus")(k), 1e-12);
      EXPECT_NEAR(c.s_plus, this->array(path + "/s_plus")(k), 1e-10);
      EXPECT_NEAR(c.sigma, this->array(path + "/sigma")(k), 1e-10);
      EXPECT_NEAR(c.kappa, this->array(path + "/kappa")(k), 1e-12);
      EXPECT_NEAR(c.gain, this->array(path + "/f_at_s_plus")(k), 1e-12);
    }
    EXPECT_EQ(form.ranks, this->integers(path + "/global/ranks"));
    EXPECT_NEAR(form.value, this->number(path + "/global/F"), 1e-10);
    EXPECT_GE(form.value, this->number(path + "/global/best_of_30_starts") - 1e-9);
    EXPECT_EQ(krate::analysis::maximiser_dimension(problem, form.ranks),
              this->integers(path + "/global/manifold_dimension")[0]);
    for (char const* const point : {"/global", "/saddle", "/local"}) {
      SCOPED_TRACE(point);
      Array const z = this->array(path + point + "/Z");
      auto const found = run_regularised<double>(z, labels, objective);
      EXPECT_NEAR(found.rate, this->number(path + point + "/F"), 1e-10);
      EXPECT_LE(norm(found.gradient), 2e-14);
      Array const spectrum = hessian_spectrum(z, labels, objective),
                  expected = this->array(path + point + "/hessian_eigenvalues");
      for (std::size_t i = 0; i < spectrum.size(); ++i) EXPECT_NEAR(spectrum(i), expected(i), 1e-10);
    }
    ++cases;
  }
  EXPECT_EQ(cases, 5);
}

SCALAR_TEST(LandscapeReferenceTest, Ascents) {
  int cases = 0;
  for (auto const& name : this->file.list("/regularised")) {
    std::string const path = "/regularised/" + name;
    if (!this->file.exists(path + "/Z0")) continue;
    SCOPED_TRACE(path);
    RateProblem const problem = this->problem(path);
    auto const about = this->file.attributes(path);
    double const lambda = about.template get<double>("lam");
    auto const z = view<double, 2>(this->array(path + "/Z0"));
    auto const trace = krate::analysis::regularised_ascent(
        TestSpace(), z, label_view(consecutive_labels(problem.class_sizes)), objective_of(problem, lambda),
        {.step = about.template get<double>("step"), .iterations = 20000});
    ASSERT_TRUE(trace.converged);
    Array const objective = this->array(path + "/F_first_21"), slope = this->array(path + "/grad_norm_first_21");
    for (std::size_t i = 0; i < 21; ++i) {
      EXPECT_NEAR(trace.objective[i], objective(i), 1e-10);
      EXPECT_NEAR(trace.gradient_norm[i], slope(i), 1e-10);
    }
    EXPECT_NEAR(trace.objective.back(), this->number(path + "/F_final"), 1e-8);
    EXPECT_NEAR(static_cast<double>(trace.steps()), this->number(path + "/iterations"), 5);
    auto const form = krate::analysis::regularised_maximiser(problem, lambda);
    EXPECT_EQ(ranks_of(krate::analysis::class_singular_values(TestSpace(), z, problem.class_sizes), form),
              this->integers(path + "/ranks_final"));
    EXPECT_NEAR(form.value, this->number(path + "/F_global"), 1e-8);
    ++cases;
  }
  EXPECT_EQ(cases, 3);
}

SCALAR_TEST(LandscapeReferenceTest, ConstrainedOptima) {
  for (auto const& name : this->file.list("/constrained")) {
    std::string const path = "/constrained/" + name;
    auto const form = krate::analysis::constrained_maximiser(this->problem(path), this->integers(path + "/ranks"));
    EXPECT_TRUE(form.is_global);
    EXPECT_NEAR(form.value, this->number(path + "/delta_R_max"), 1e-12);
    EXPECT_NEAR(form.precision_ratio, this->number(path + "/precision_ratio"), 1e-12);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(form.sigma[k], this->array(path + "/singular_values")(k), 1e-12);
  }
}

}  // namespace
