// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/class_subspaces.hpp"
#include "rate/runs.hpp"
#include "support/checks.hpp"

namespace {

using Subspaces = krate::analysis::ClassSubspaces<TestSpace>;

template <class T>
struct ClassSubspacesTest : ::testing::Test {
  TestSpace space;
  krate::ClassMoments<TestSpace> moments(Array const& z, std::vector<int> const& labels, std::size_t classes) {
    krate::ClassMoments<TestSpace> found(space, {}, {.dim = z.extent(1), .classes = classes});
    found.add(space, view<T, 2>(z), label_view(labels));
    return found;
  }
  std::vector<int> classify(Subspaces const& subspaces, Array const& z) {
    Kokkos::View<krate::Label*, krate::DeviceOf<TestSpace>> const found("krate::test", z.extent(0));
    subspaces.classify(space, view<T, 2>(z), found);
    auto const host = to_array(found);
    return {host.data.begin(), host.data.end()};
  }
};
SCALAR_TESTS(ClassSubspacesTest, krate::testing::Scalars);

/// Samples of class k lie along axes 2 k and 2 k + 1, with a little of everything.
Array samples_on_axes(std::size_t samples, std::uint64_t t) {
  Array z = filled(t, {samples, 7}, 0.1);
  for (std::size_t i = 0; i < samples; ++i) {
    z(i, i % 3 * 2) += std::cos(static_cast<double>(i));
    z(i, i % 3 * 2 + 1) += std::sin(static_cast<double>(i));
  }
  return z;
}

SCALAR_TEST(ClassSubspacesTest, NearSamplesGoToTheirClass) {
  std::vector<int> labels(60);
  for (std::size_t i = 0; i < 60; ++i) labels[i] = static_cast<int>(i % 3);
  auto moments = this->moments(samples_on_axes(60, 1), labels, 4);  // one class has no samples
  Subspaces const subspaces(this->space, moments, 2);
  EXPECT_EQ(this->classify(subspaces, samples_on_axes(60, 2)), labels);
  EXPECT_EQ(this->classify(subspaces, Array({2, 7})), (std::vector<int>{0, 0}));
  EXPECT_EQ(this->classify(subspaces, Array({0, 7})), std::vector<int>{});
}

SCALAR_TEST(ClassSubspacesTest, MoreDirectionsThanAClassHasAreLeftOut) {
  Array z({3, 4});
  z(0, 0) = z(1, 1) = z(2, 2) = 1;
  auto moments = this->moments(z, {0, 0, 1}, 2);
  Subspaces const subspaces(this->space, moments, 4);
  Array const asked({3, 4}, {0.9, 0, 0.5, 0, 0, 0.4, 0.5, 0, 0, 0, 0, 1});
  EXPECT_EQ(this->classify(subspaces, asked), (std::vector<int>{0, 1, 0}));
}

TEST(LeadingEigenvectors, SpanTheLargestOfADiagonalMatrix) {
  std::vector<double> lower(15, 0.0);
  double const diagonal[] = {1, 5, 0.5, 4, 2};
  for (std::size_t i = 0; i < 5; ++i) lower[i * (i + 1) / 2 + i] = diagonal[i];
  auto const q = krate::analysis::leading_eigenvectors(lower, 5, 2);
  ASSERT_EQ(q.size(), 10u);
  for (std::size_t axis : {1, 3}) EXPECT_NEAR(q[axis] * q[axis] + q[5 + axis] * q[5 + axis], 1, 1e-7);
  EXPECT_TRUE(krate::analysis::leading_eigenvectors(std::vector<double>(15, 0.0), 5, 2).empty());
}

SCALAR_TEST(ClassSubspacesTest, ErrorsSayWhatIsWrong) {
  auto moments = this->moments(filled(1, {4, 3}), {0, 1, 0, 1}, 2);
  EXPECT_ERROR(krate::ValueError, "rank = 4", Subspaces(this->space, moments, 4));
  EXPECT_ERROR(krate::ValueError, "rank = 0", Subspaces(this->space, moments, 0));
  Subspaces const subspaces(this->space, moments, 1);
  EXPECT_ERROR(krate::ShapeError, "dim is that of the moments", this->classify(subspaces, filled(1, {4, 2})));
}

}  // namespace
