// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/sparse_rate_reduction.hpp"
#include "rate/subspace_runs.hpp"

namespace {

struct SparseRateResult {
  Array rate, subspace_rate, nonzeros, absolute, value, dz, du;
};

template <class T>
SparseRateResult run_sparse_rate(Array const& z, Array const& u, krate::SparseRateOptions const& options,
                                 bool with_gradient = true) {
  std::size_t const batch = z.extent(0), n = z.extent(1), d = z.extent(2);
  Bench const bench(krate::sparse_rate_reduction_workspace<T>(batch, n, d, options.heads, u.extent(0) / options.heads));
  Guarded<TestSpace, double, 1> rate(batch), subspaces(batch), nonzeros(batch), absolute(batch), value(batch);
  Guarded<TestSpace, T, 3> dz(batch, n, d);
  auto const du = view<T, 2>(Array(u.shape));
  krate::SparseRateParts const parts{rate.view(), subspaces.view(), nonzeros.view(), absolute.view(), value.view()};
  if (with_gradient) {
    krate::sparse_rate_reduction_gradient(bench.space, view<T, 3>(z), view<T, 2>(u), options, bench.work(), parts,
                                          dz.view(), du);
  } else {
    krate::sparse_rate_reduction(bench.space, view<T, 3>(z), view<T, 2>(u), options, bench.work(), parts);
  }
  EXPECT_TRUE(rate.intact() && subspaces.intact() && nonzeros.intact() && absolute.intact() && value.intact());
  EXPECT_TRUE(dz.intact());
  return {rate.array(), subspaces.array(), nonzeros.array(), absolute.array(), value.array(), dz.array(), to_array(du)};
}

/// Normal numbers with every third entry 0, as behind a soft threshold.
inline Array sparse(std::uint64_t seed, std::vector<std::size_t> const& shape) {
  Array z = filled(seed, shape);
  for (std::size_t e = 0; e < z.size(); e += 3) z.data[e] = 0;
  return z;
}

template <class T>
struct SparseRateTest : ::testing::Test {};
SCALAR_TESTS(SparseRateTest, krate::testing::Scalars);

SCALAR_TEST(SparseRateTest, HandCheckedCase) {
  // One token (3, 0, -4), two axes of three: alpha = 3 / 0.5 = 6, gamma = 2; R = 1/2 log(1 + 6 * 25).
  Array const z({1, 1, 3}, {3, 0, -4}), u({2, 3}, {1, 0, 0, 0, 0, 1});
  auto const r = run_sparse_rate<TypeParam>(z, u, {.eps_squared = 0.5, .heads = 2, .lambda = 0.25});
  EXPECT_NEAR(r.rate(0), 0.5 * std::log(151.0), 1e-14);
  EXPECT_NEAR(r.subspace_rate(0), 0.5 * std::log(19.0 * 33.0), 1e-14);
  EXPECT_EQ(r.nonzeros(0), 2);
  EXPECT_EQ(r.absolute(0), 7);
  EXPECT_NEAR(r.value(0), 0.5 * std::log(151.0) - 0.5 * std::log(19.0 * 33.0) - 0.5, 1e-14);
  Array const dz({1, 1, 3}, {18.0 / 151 - 6.0 / 19 - 0.25, 0, -24.0 / 151 + 8.0 / 33 + 0.25});
  EXPECT_LE(worst_error(r.dz, dz), tolerance<TypeParam>(2));
}

SCALAR_TEST(SparseRateTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Size {
    std::size_t batch, n, d, heads, p;
  };
  for (Size const& s : {Size{1, 1, 1, 1, 1}, Size{2, 9, 6, 3, 2}, Size{3, 5, 7, 2, 4}, Size{2, 3, 8, 1, 8},
                        Size{1, 40, 12, 4, 3}, Size{5, 1, 4, 2, 5}, Size{2, 7, 7, 7, 1}})
    for (auto const route : routes()) {
      Array const z = rounded<T>(sparse(1, {s.batch, s.n, s.d})), u = rounded<T>(filled(2, {s.heads * s.p, s.d}));
      auto const r = run_sparse_rate<T>(z, u, {0.1, s.heads, 0.05, route});
      auto const parts = oracle_subspace_rate(z, u, s.heads, 0.1);
      double const allowed = std::is_same_v<T, float> ? 1e-5 : 1e-12;
      ASSERT_LE(worst_error(r.subspace_rate, parts.rates), allowed);
      Array dz(z.shape);
      for (std::size_t b = 0; b < s.batch; ++b) {
        Array const x = sample_of(z, b);
        double const alpha = alpha_of(x, 0.1), rate = oracle_rate(x, alpha);
        ASSERT_NEAR(r.rate(b), rate, 1e-12 * std::max(1.0, rate));
        Array const g = oracle_gradient(x, alpha);
        double nonzeros = 0, absolute = 0;
        for (std::size_t e = 0; e < x.size(); ++e) {
          double const v = x.data[e], sign = v > 0 ? 1 : v < 0 ? -1 : 0;
          nonzeros += v != 0;
          absolute += std::abs(v);
          dz.data[b * x.size() + e] = g.data[e] - parts.dz.data[b * x.size() + e] - 0.05 * sign;
        }
        ASSERT_EQ(r.nonzeros(b), nonzeros);
        ASSERT_NEAR(r.absolute(b), absolute, 1e-13 * absolute);
        double const value = r.rate(b) - r.subspace_rate(b) - 0.05 * nonzeros;
        ASSERT_NEAR(r.value(b), value, 1e-13 * std::max(1.0, std::abs(value)));
      }
      ASSERT_LE(worst_error(r.dz, dz), 10 * allowed);
      ASSERT_LE(worst_error(r.du, combined(-1, parts.du, 0, parts.du)), allowed);
      ASSERT_TRUE(same_bits(run_sparse_rate<T>(z, u, {0.1, s.heads, 0.05, route}, false).value, r.value));
    }
}

SCALAR_TEST(SparseRateTest, GradientsAreTheDerivativesOfTheRelaxedValue) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (std::size_t const tokens : {4, 9}) {  // fewer and more than features
      Array z = filled(1, {2, tokens, 6});
      for (double& x : z.data) x += x > 0 ? 0.1 : -0.1;  // steps do not cross the kink at 0
      Array const u = filled(2, {6, 6});
      krate::SparseRateOptions const options{.eps_squared = 0.3, .heads = 3, .lambda = 0.2};
      auto const total = [&](Array const& x, Array const& v) {
        auto const r = run_sparse_rate<double>(x, v, options, false);
        double sum = 0;
        for (std::size_t b = 0; b < 2; ++b) sum += r.rate(b) - r.subspace_rate(b) - 0.2 * r.absolute(b);
        return sum;
      };
      auto const r = run_sparse_rate<double>(z, u, options);
      EXPECT_LE(krate::testing::gradient_error([&](Array const& x) { return total(x, u); }, z, r.dz), 1e-9);
      EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return total(z, v); }, u, r.du), 1e-9);
    }
  }
}

// With one complete orthonormal subspace both rates are that of the tokens, and nothing is left but the penalty.
SCALAR_TEST(SparseRateTest, OneCompleteSubspaceLeavesThePenalty) {
  Array const z = rounded<TypeParam>(sparse(1, {2, 9, 5})), u = orthonormal(3, 5);
  auto const r = run_sparse_rate<TypeParam>(z, u, {.eps_squared = 0.1, .heads = 1, .lambda = 0.5});
  for (std::size_t b = 0; b < 2; ++b)
    EXPECT_NEAR(r.value(b), -0.5 * r.nonzeros(b), (std::is_same_v<TypeParam, float> ? 1e-4 : 1e-11));
}

SCALAR_TEST(SparseRateTest, EmptySizesZerosAndNaN) {
  using T = TypeParam;
  Array const u = filled(2, {4, 4});
  krate::SparseRateOptions const options{.eps_squared = 0.1, .heads = 2, .lambda = 0.1};
  EXPECT_TRUE(same_bits(run_sparse_rate<T>(Array({2, 0, 4}), u, options).value, Array({2})));
  EXPECT_EQ(run_sparse_rate<T>(Array({0, 3, 4}), u, options).value.size(), 0u);
  auto const zero = run_sparse_rate<T>(Array({1, 3, 4}), u, options);
  EXPECT_EQ(zero.value(0), 0);
  EXPECT_TRUE(same_bits(zero.dz, Array({1, 3, 4})));
  Array z = filled(1, {3, 5, 4});
  z(1, 2, 3) = std::numeric_limits<double>::quiet_NaN();
  auto const r = run_sparse_rate<T>(z, u, options);
  for (std::size_t b = 0; b < 3; ++b) {
    EXPECT_EQ(std::isnan(r.value(b)), b == 1);
    EXPECT_EQ(std::isnan(r.dz(b, 0, 0)), b == 1);
  }
}

SCALAR_TEST(SparseRateTest, ConductAndRepetition) {
  using T = TypeParam;
  auto const z = view<T, 3>(sparse(1, {4, 30, 12}));
  auto const u = view<T, 2>(filled(2, {12, 12})), du = view<T, 2>(Array({12, 12}));
  Bench const bench(krate::sparse_rate_reduction_workspace<T>(4, 30, 12, 3, 4));
  Guarded<TestSpace, double, 1> rate(4), subspaces(4), nonzeros(4), absolute(4), value(4);
  Guarded<TestSpace, T, 3> dz(4, 30, 12);
  auto const run = [&] {
    krate::sparse_rate_reduction_gradient(
        bench.space, z, u, {.eps_squared = 0.1, .heads = 3, .lambda = 0.1}, bench.work(),
        krate::SparseRateParts{rate.view(), subspaces.view(), nonzeros.view(), absolute.view(), value.view()},
        dz.view(), du);
  };
  expect_good_conduct(bench.space, run);
  Array const first = dz.array(), values = value.array();
  run();
  EXPECT_TRUE(same_bits(dz.array(), first) && same_bits(value.array(), values));
}

SCALAR_TEST(SparseRateTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  Array const z = filled(1, {2, 5, 4}), u = filled(2, {4, 4});
  EXPECT_ERROR(krate::ValueError,
               "krate::sparse_rate_reduction_gradient: lambda = -1, but it must be finite and not negative",
               run_sparse_rate<T>(z, u, {.eps_squared = 1, .heads = 2, .lambda = -1}));
  EXPECT_ERROR(krate::ValueError, "krate::sparse_rate_reduction: heads = 3",
               run_sparse_rate<T>(z, u, {.eps_squared = 1, .heads = 3}, false));
  EXPECT_ERROR(krate::ShapeError, "u has shape [4, 5], expected [4, 4] (dim is z.extent(2))",
               run_sparse_rate<T>(z, filled(2, {4, 5}), {.eps_squared = 1, .heads = 2}));
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0", run_sparse_rate<T>(z, u, {.heads = 2}));
}

}  // namespace
