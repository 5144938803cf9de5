// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/subspace_mixture.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/op_test.hpp"
#include "support/rate_oracle.hpp"

namespace {

using namespace krate::analysis;
using krate::Seed;
using krate::testing::Array;
using Rows = std::vector<double>;

double norm(Rows const& a) {
  double sum = 0;
  for (double const v : a) sum += v * v;
  return std::sqrt(sum);
}
Rows combined(Rows a, double factor, Rows const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
  return a;
}

/// Bayes' rule with full covariance matrices C_k = U_k^T U_k + sigma^2 I, whose determinants are equal.
Rows posterior_by_bayes(SubspaceMixture const& m, double sigma, Rows const& x) {
  std::vector<Array> inverses, squares;
  for (std::size_t k = 0; k < m.subspaces; ++k) {
    Array square({m.dim, m.dim});
    for (std::size_t i = 0; i < m.dim; ++i)
      for (std::size_t j = 0; j < m.dim; ++j)
        for (std::size_t a = k * m.width; a < (k + 1) * m.width; ++a)
          square(i, j) += m.basis[a * m.dim + i] * m.basis[a * m.dim + j];
    squares.push_back(square);
    for (std::size_t i = 0; i < m.dim; ++i) square(i, i) += sigma * sigma;
    inverses.push_back(krate::testing::inverse_of(square));
  }
  Rows mean(x.size(), 0.0);
  for (std::size_t row = 0; row < x.size(); row += m.dim) {
    double total = 0;
    Rows sum(m.dim, 0.0);
    for (std::size_t k = 0; k < m.subspaces; ++k) {
      Rows solved(m.dim, 0.0);
      double exponent = 0;
      for (std::size_t i = 0; i < m.dim; ++i) {
        for (std::size_t j = 0; j < m.dim; ++j) solved[i] += inverses[k](i, j) * x[row + j];
        exponent -= 0.5 * solved[i] * x[row + i];
      }
      double const density = std::exp(exponent);
      total += density;
      for (std::size_t i = 0; i < m.dim; ++i)
        for (std::size_t j = 0; j < m.dim; ++j) sum[i] += density * squares[k](i, j) * solved[j];
    }
    for (std::size_t i = 0; i < m.dim; ++i) mean[row + i] = sum[i] / total;
  }
  return mean;
}

TEST(SubspaceMixture, BasesAreOrthonormal) {
  auto const m = random_mixture(9, 3, 2, Seed{4});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) {
      double dot = 0;
      for (std::size_t e = 0; e < 9; ++e) dot += m.basis[i * 9 + e] * m.basis[j * 9 + e];
      EXPECT_NEAR(dot, i == j, 1e-14);
    }
  EXPECT_EQ(random_mixture(9, 3, 2, Seed{4}).basis, m.basis);
  EXPECT_NE(random_mixture(9, 3, 2, Seed{5}).basis, m.basis);
}

TEST(SubspaceMixture, SamplesLieInOneSubspaceEach) {
  auto const m = random_mixture(8, 2, 3, Seed{1});
  auto const z = draw_samples(m, 40, Seed{2});
  // Without noise to speak of, both means are the sample itself.
  EXPECT_LE(norm(combined(soft_projection(m, 1e-3, z), -1, z)), 1e-6 * norm(z));
  EXPECT_NEAR(norm(draw_noise(m, 400, Seed{2})) / std::sqrt(3200.0), 1, 0.05);
}

TEST(SubspaceMixture, PosteriorMeanIsThatOfBayes) {
  auto const m = random_mixture(6, 3, 2, Seed{3});
  auto const z = draw_samples(m, 30, Seed{3}), e = draw_noise(m, 30, Seed{3});
  for (double const sigma : {0.3, 1.0, 2.0}) {
    Rows const x = combined(z, sigma, e), expected = posterior_by_bayes(m, sigma, x);
    EXPECT_LE(norm(combined(posterior_mean(m, sigma, x), -1, expected)), 1e-12 * norm(expected));
  }
}

// The posterior mean equals the soft projection up to O(sigma^2).
TEST(SubspaceMixture, TheDifferenceGoesAsTheSquareOfTheNoise) {
  for (std::size_t const width : {1, 2, 8})
    for (std::uint64_t const seed : {1, 2, 3}) {
      auto const m = random_mixture(4 * width + 3, 4, width, Seed{seed});
      auto const z = draw_samples(m, 500, Seed{seed}), e = draw_noise(m, 500, Seed{seed});
      Rows sigmas{0.01, 0.02, 0.04, 0.08}, errors;
      for (double const sigma : sigmas) {
        Rows const x = combined(z, sigma, e), mean = posterior_mean(m, sigma, x);
        errors.push_back(norm(combined(soft_projection(m, sigma, x), -1, mean)) / norm(mean));
      }
      EXPECT_NEAR(power_of(sigmas, errors), 2, 0.1) << width << " " << seed;
    }
}

TEST(SubspaceMixture, PowersAreFitted) {
  EXPECT_NEAR(power_of({1, 2, 4}, {3, 24, 192}), 3, 1e-14);
  EXPECT_NEAR(power_of({1, 2, 0, 4}, {3, 24, 5, 192}), 3, 1e-14);
  EXPECT_TRUE(std::isnan(power_of({2, 2}, {1, 3})));
  EXPECT_TRUE(std::isnan(power_of({}, {})));
}

TEST(SubspaceMixture, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(krate::ValueError, "krate::analysis::random_mixture: width = 3", random_mixture(8, 3, 3, Seed{}));
  EXPECT_ERROR(krate::ValueError, "subspaces = 0", random_mixture(8, 0, 3, Seed{}));
  auto const m = random_mixture(4, 2, 2, Seed{});
  EXPECT_ERROR(krate::ValueError, "sigma = 0, but it must be positive and finite", posterior_mean(m, 0, Rows(4)));
  EXPECT_ERROR(krate::ShapeError, "krate::analysis::soft_projection: x has 5 numbers, expected rows of 4",
               soft_projection(m, 1, Rows(5)));
  EXPECT_ERROR(krate::ValueError, "make it with random_mixture()",
               draw_noise({.dim = 4, .subspaces = 1, .width = 1}, 3, Seed{}));
}

}  // namespace
