// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Baselines against plain loops.
#include <gtest/gtest.h>

#include "support/op_test.hpp"
#include "tools/baselines.hpp"

namespace krate::tools {
namespace {

using krate::testing::Array;
using krate::testing::filled;
using Labels = std::vector<Label>;

Rows rows_of(Array const& a) {
  return {a.extent(1), a.data};
}

double distance(Rows const& a, std::size_t i, Rows const& b, std::size_t j) {
  double sum = 0;
  for (std::size_t e = 0; e < a.columns; ++e) sum += (a.row(i)[e] - b.row(j)[e]) * (a.row(i)[e] - b.row(j)[e]);
  return sum;
}

/// Leading eigenvectors of X^T X, one after the other: power iteration and deflation in plain loops.
Rows oracle_subspace(Rows const& x, std::size_t dim) {
  std::size_t const d = x.columns;
  Array g({d, d});
  for (std::size_t n = 0; n < x.count(); ++n)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) g(i, j) += x.row(n)[i] * x.row(n)[j];
  Rows q{d, {}};
  for (std::size_t k = 0; k < dim; ++k) {
    std::vector<double> v(d), w(d);
    for (std::size_t i = 0; i < d; ++i) v[i] = 1 + 0.1 * static_cast<double>(i * k % 7);
    double length = 0;
    for (int step = 0; step < 20000; ++step) {
      length = 0;
      for (std::size_t i = 0; i < d; ++i) {
        w[i] = 0;
        for (std::size_t j = 0; j < d; ++j) w[i] += g(i, j) * v[j];
        length += w[i] * w[i];
      }
      length = std::sqrt(length);
      for (std::size_t i = 0; i < d; ++i) v[i] = w[i] / length;
    }
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) g(i, j) -= length * v[i] * v[j];
    q.values.insert(q.values.end(), v.begin(), v.end());
  }
  return q;
}

/// Q^T Q, which does not depend on the basis of the span.
Array projector(Rows const& q) {
  Array p({q.columns, q.columns});
  for (std::size_t k = 0; k < q.count(); ++k)
    for (std::size_t i = 0; i < q.columns; ++i)
      for (std::size_t j = 0; j < q.columns; ++j) p(i, j) += q.row(k)[i] * q.row(k)[j];
  return p;
}

/// Samples whose spectrum falls off, so that leading subspaces are well defined.
Rows graded(std::uint64_t seed, std::size_t n, std::size_t d) {
  Array a = filled(seed, {n, d});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d; ++j) a(i, j) *= std::pow(0.6, static_cast<double>((j + seed) % d));
  return rows_of(a);
}

TEST(Baselines, LeadingSubspaceMatchesPowerIteration) {
  for (auto const& [n, d] : {std::pair{40, 9}, std::pair{6, 15}, std::pair{8, 8}}) {
    Rows const x = graded(3, static_cast<std::size_t>(n), static_cast<std::size_t>(d));
    Rows const q = leading_subspace(Space(), x, 4);
    ASSERT_EQ(q.count(), 4u);
    EXPECT_LE(worst_error(projector(q), projector(oracle_subspace(x, 4))), 1e-6);
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(dot(q.row(i), q.row(j)), i == j, 1e-13);
  }
}

TEST(Baselines, SubspacesOfLowRankAndNone) {
  Rows const line{3, {1, 2, 2, 2, 4, 4, -1, -2, -2, 3, 6, 6}};
  Rows const q = leading_subspace(Space(), line, 2);
  ASSERT_EQ(q.count(), 1u);
  EXPECT_NEAR(std::abs(dot(q.row(0), std::vector<double>{1 / 3.0, 2 / 3.0, 2 / 3.0})), 1, 1e-14);
  EXPECT_EQ(leading_subspace(Space(), {3, std::vector<double>(12, 0.0)}, 2).count(), 0u);
  EXPECT_EQ(leading_subspace(Space(), {3, {}}, 2).count(), 0u);
  EXPECT_EQ(leading_subspace(Space(), graded(1, 5, 3), 12).count(), 3u);
}

TEST(Baselines, NearestNeighbourMatchesPlainLoops) {
  Rows const train = rows_of(filled(1, {300, 7})), test = rows_of(filled(2, {513, 7}));
  Labels labels(300);
  for (std::size_t i = 0; i < 300; ++i) labels[i] = static_cast<Label>(i % 11);
  Labels expected;
  for (std::size_t i = 0; i < test.count(); ++i) {
    std::size_t best = 0;
    for (std::size_t j = 1; j < 300; ++j)
      if (distance(test, i, train, j) < distance(test, i, train, best)) best = j;
    expected.push_back(labels[best]);
  }
  EXPECT_EQ(nearest_neighbour(Space(), train, labels, test), expected);
  EXPECT_EQ(nearest_neighbour(Space(), train, labels, train), labels);
  EXPECT_EQ(nearest_neighbour(Space(), train, labels, {7, {}}), Labels());
}

TEST(Baselines, NearestSubspaceMatchesPlainLoops) {
  constexpr std::size_t classes = 3, each = 30, d = 8, dim = 2;
  Rows train{d, {}};
  Labels labels, expected;
  std::vector<Array> projectors;
  for (std::size_t c = 0; c < classes; ++c) {
    Rows const x = graded(10 + c, each, d);
    train.values.insert(train.values.end(), x.values.begin(), x.values.end());
    labels.insert(labels.end(), each, static_cast<Label>(2 * c));  // labels need not be dense
    projectors.push_back(projector(oracle_subspace(x, dim)));
  }
  Rows const test = rows_of(filled(5, {300, d}));
  for (std::size_t n = 0; n < test.count(); ++n) {
    std::vector<double> residuals;
    for (auto const& p : projectors) {
      double residual = 0;
      for (std::size_t i = 0; i < d; ++i) {
        double r = test.row(n)[i];
        for (std::size_t j = 0; j < d; ++j) r -= p(i, j) * test.row(n)[j];
        residual += r * r;
      }
      residuals.push_back(residual);
    }
    auto const best = std::min_element(residuals.begin(), residuals.end()) - residuals.begin();
    expected.push_back(static_cast<Label>(2 * best));
  }
  EXPECT_EQ(nearest_subspace(Space(), train, labels, test, dim), expected);
}

TEST(Baselines, MajorityAndErrors) {
  EXPECT_EQ(majority_label(Labels{3, 1, 1, 3, 2}), 1);
  EXPECT_ERROR(ValueError, "labels.size() = 0", majority_label({}));
  Rows const two{2, {1, 2}}, three{3, {1, 2, 3}};
  EXPECT_ERROR(ShapeError, "have 2 numbers each, but the test samples 3",
               nearest_neighbour(Space(), two, Labels{0}, three));
  EXPECT_ERROR(ValueError, "labels.size() = 2", nearest_subspace(Space(), two, Labels{0, 1}, two, 1));
}

}  // namespace
}  // namespace krate::tools
