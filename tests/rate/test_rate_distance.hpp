// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/rate_distance.hpp"
#include "linalg/operands.hpp"
#include "rate/reference.hpp"
#include "support/rate_oracle.hpp"

namespace {

struct DistanceResult {
  double distance;
  Array da, db;
};

template <class T>
DistanceResult run_distance(Array const& a, Array const& b, krate::RateDistanceOptions const& options,
                            Layout layout = Layout::right, bool with_gradient = true) {
  Bench const bench(krate::rate_distance_workspace(a.extent(0), b.extent(0), a.extent(1)));
  Scalar0<double> const distance("krate::test");
  auto const va = laid_out<T>(a, layout), vb = laid_out<T>(b, layout);
  auto const da = laid_out<T>(Array(a.shape), layout), db = laid_out<T>(Array(b.shape), layout);
  if (with_gradient) {
    krate::rate_distance_gradient(bench.space, va, vb, options, bench.work(), distance, da, db);
  } else {
    krate::rate_distance(bench.space, va, vb, options, bench.work(), distance);
  }
  return {to_array(distance)(0), to_array(da), to_array(db)};
}

inline Array stacked(Array const& a, Array const& b) {
  Array both({a.extent(0) + b.extent(0), a.extent(1)});
  std::copy(a.data.begin(), a.data.end(), both.data.begin());
  std::copy(b.data.begin(), b.data.end(), both.data.begin() + static_cast<std::ptrdiff_t>(a.size()));
  return both;
}

/// R of both less the weighted rates of each, with gradients.
inline DistanceResult oracle_distance(Array const& a, Array const& b, double eps_squared) {
  Array const both = stacked(a, b);
  std::size_t const n_a = a.extent(0), n = both.extent(0);
  double const w_a = static_cast<double>(n_a) / static_cast<double>(n), alpha = alpha_of(both, eps_squared);
  DistanceResult r{oracle_rate(both, alpha) - w_a * oracle_rate(a, alpha_of(a, eps_squared)) -
                       (1 - w_a) * oracle_rate(b, alpha_of(b, eps_squared)),
                   Array(a.shape), Array(b.shape)};
  Array const joint = oracle_gradient(both, alpha), of_a = oracle_gradient(a, alpha_of(a, eps_squared)),
              of_b = oracle_gradient(b, alpha_of(b, eps_squared));
  for (std::size_t e = 0; e < a.size(); ++e) r.da.data[e] = joint.data[e] - w_a * of_a.data[e];
  for (std::size_t e = 0; e < b.size(); ++e) r.db.data[e] = joint.data[a.size() + e] - (1 - w_a) * of_b.data[e];
  return r;
}

template <class T>
struct RateDistanceTest : ::testing::Test {};
SCALAR_TESTS(RateDistanceTest, krate::testing::Scalars);

SCALAR_TEST(RateDistanceTest, HandCheckedCase) {
  // (1, 0) and (0, 1), eps^2 = 2: beta = 1, S_a = diag(2, 1), S_b = diag(1, 2), S = diag(1.5, 1.5).
  auto const r = run_distance<TypeParam>(Array({1, 2}, {1, 0}), Array({1, 2}, {0, 1}), {.eps_squared = 2});
  EXPECT_NEAR(r.distance, std::log(1.5) - 0.5 * std::log(2.0), 1e-15);
  EXPECT_LE(worst_error(r.da, Array({1, 2}, {1 / 3.0 - 0.25, 0})), tolerance<TypeParam>(2));
  EXPECT_LE(worst_error(r.db, Array({1, 2}, {0, 1 / 3.0 - 0.25})), tolerance<TypeParam>(2));
}

SCALAR_TEST(RateDistanceTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Size {
    std::size_t a, b, d;
  };
  for (Size const& s : {Size{1, 1, 1}, Size{9, 9, 4}, Size{3, 20, 5}, Size{2, 3, 11}, Size{600, 40, 3}})
    for (auto const route : routes())
      for (Layout const layout : all_layouts) {
        Array const a = rounded<T>(filled(1, {s.a, s.d})), b = rounded<T>(filled(2, {s.b, s.d}));
        auto const r = run_distance<T>(a, b, {0.1, route}, layout);
        auto const expected = oracle_distance(a, b, 0.1);
        ASSERT_NEAR(r.distance, expected.distance, 1e-12 * std::max(1.0, expected.distance));
        ASSERT_LE(worst_error(r.da, expected.da), 10 * krate::testing::rate_tolerance<T>);
        ASSERT_LE(worst_error(r.db, expected.db), 10 * krate::testing::rate_tolerance<T>);
        ASSERT_EQ(run_distance<T>(a, b, {0.1, route}, layout, false).distance, r.distance);
      }
}

SCALAR_TEST(RateDistanceTest, GradientsAreTheDerivatives) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const a = filled(1, {7, 4}), b = filled(2, {5, 4});
    auto const r = run_distance<double>(a, b, {.eps_squared = 1});
    auto const value = [](Array const& x, Array const& y) {
      return run_distance<double>(x, y, {.eps_squared = 1}, Layout::right, false).distance;
    };
    EXPECT_LE(krate::testing::gradient_error([&](Array const& x) { return value(x, b); }, a, r.da), 1e-9);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& y) { return value(a, y); }, b, r.db), 1e-9);
  }
}

// Both forms of the value, on both sides of where one takes over: nothing jumps, and nothing is negative.
SCALAR_TEST(RateDistanceTest, GrowsWithTheSquareOfASmallStep) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const a = filled(1, {20, 5}), step = filled(2, {20, 5});
    double last = 0;
    for (double h = 1e-7; h < 2; h *= 1.5) {
      Array b = a;
      for (std::size_t e = 0; e < b.size(); ++e) b.data[e] += h * step.data[e];
      double const now = run_distance<double>(a, b, {.eps_squared = 0.5}).distance;
      EXPECT_GT(now, last);
      if (last > 0 && h < 1e-3) {
        EXPECT_NEAR(now / last, 2.25, 0.01);
      }
      last = now;
    }
  }
}

SCALAR_TEST(RateDistanceTest, SeesSecondMomentsOnly) {
  using T = TypeParam;
  Array const a = rounded<T>(filled(1, {9, 4}));
  EXPECT_LE(run_distance<T>(a, combined(-1, a, 0, a), {.eps_squared = 0.1}).distance, 1e-28);
  EXPECT_LE(run_distance<T>(a, permuted_rows(a), {.eps_squared = 0.1}).distance, 1e-25);
  Array const b = rounded<T>(filled(2, {6, 4}));
  EXPECT_NEAR(run_distance<T>(a, b, {.eps_squared = 0.1}).distance,
              run_distance<T>(b, a, {.eps_squared = 0.1}).distance, 1e-12);
}

SCALAR_TEST(RateDistanceTest, NeverNegativeWhateverTheScale) {
  using T = TypeParam;
  for (double const scale : {1e-6, 1.0, 1e6})
    for (double const eps_squared : {1e-6, 1.0, 1e6}) {
      Array const a = combined(scale, filled(1, {6, 4}), 0, Array({6, 4})), zero({3, 4});
      for (Array const& b : {a, zero, combined(1 + 1e-9, a, 0, a)}) {
        double const found = run_distance<T>(a, b, {.eps_squared = eps_squared}).distance;
        EXPECT_GE(found, 0) << scale << " " << eps_squared;
        EXPECT_TRUE(std::isfinite(found));
      }
    }
}

SCALAR_TEST(RateDistanceTest, EmptySetsAndNaN) {
  using T = TypeParam;
  Array a = filled(1, {5, 4});
  auto const none = run_distance<T>(a, Array({0, 4}), {.eps_squared = 0.1});
  EXPECT_EQ(none.distance, 0);
  EXPECT_TRUE(same_bits(none.da, Array({5, 4})));
  EXPECT_EQ(run_distance<T>(Array({5, 0}), Array({2, 0}), {.eps_squared = 0.1}).distance, 0);
  a(2, 1) = std::numeric_limits<double>::quiet_NaN();
  for (auto const route : routes())
    EXPECT_TRUE(std::isnan(run_distance<T>(a, filled(2, {5, 4}), {0.1, route}).distance));
}

SCALAR_TEST(RateDistanceTest, ConductAndRepetition) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {30, 6})), b = view<T, 2>(filled(2, {40, 6}));
  Bench const bench(krate::rate_distance_workspace(30, 40, 6));
  Guarded<TestSpace, T, 2> da(30, 6), db(40, 6);
  Scalar0<double> const distance("krate::test");
  auto const run = [&] {
    krate::rate_distance_gradient(bench.space, a, b, {.eps_squared = 0.1}, bench.work(), distance, da.view(),
                                  db.view());
  };
  expect_good_conduct(bench.space, run);
  Array const first = da.array(), second = db.array();
  run();
  EXPECT_TRUE(same_bits(da.array(), first) && same_bits(db.array(), second));
  EXPECT_TRUE(da.intact() && db.intact());
}

SCALAR_TEST(RateDistanceTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ShapeError, "krate::rate_distance_gradient: b has shape [3, 5], expected [3, 4]",
               run_distance<T>(Array({2, 4}), Array({3, 5}), {.eps_squared = 1}));
  EXPECT_ERROR(krate::ValueError, "krate::rate_distance: eps_squared = 0",
               run_distance<T>(Array({2, 4}), Array({3, 4}), {}, Layout::right, false));
}

// Group distance of tests/data/rate.h5: values in 448 bits. Sets that are close must keep their digits.
SCALAR_TEST(RateDistanceTest, ReferenceValues) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto const file = rate_file();
    int count = 0;
    for (auto const& name : file.list("/distance"))
      for (auto const& group : file.list("/distance/" + name)) {
        std::string const path = "/distance/" + name + "/" + group;
        SCOPED_TRACE(path);
        Array const a = read_array(file, path + "/A"), b = read_array(file, path + "/B");
        double const eps_squared = file.attributes(path).template get<double>("eps2");
        auto const r = run_distance<double>(a, b, {.eps_squared = eps_squared});
        double const distance = read_number(file, path + "/distance");
        double const close = name == "close_1e-9" ? 1e-6 : 1e-9;  // what the moments' difference can tell
        EXPECT_NEAR(r.distance, distance, (name.rfind("close", 0) == 0 ? close : 1e-11) * distance + 1e-28);
        Array const da = read_array(file, path + "/grad_A"), db = read_array(file, path + "/grad_B");
        bool const nothing = distance == 0;
        EXPECT_LE(nothing ? krate::testing::dot(r.da, r.da) : worst_error(r.da, da), nothing ? 1e-28 : close + 1e-10);
        EXPECT_LE(nothing ? krate::testing::dot(r.db, r.db) : worst_error(r.db, db), nothing ? 1e-28 : close + 1e-10);
        ++count;
      }
    EXPECT_GE(count, 16);
  }
}

}  // namespace
