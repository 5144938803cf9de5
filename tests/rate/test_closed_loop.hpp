// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rate/loop_runs.hpp"
#include "rate/reference.hpp"

namespace {

template <class T>
struct ClosedLoopTest : ::testing::Test {};
SCALAR_TESTS(ClosedLoopTest, krate::testing::Scalars);

inline Array unit(Array z) {
  for (std::size_t i = 0; i < z.extent(0); ++i) {
    double square = 0;
    for (std::size_t j = 0; j < z.extent(1); ++j) square += z(i, j) * z(i, j);
    for (std::size_t j = 0; j < z.extent(1); ++j) z(i, j) /= std::sqrt(square);
  }
  return z;
}
inline std::vector<int> cyclic(std::size_t samples, int classes) {
  std::vector<int> labels(samples);
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<int>(i % static_cast<std::size_t>(classes));
  return labels;
}

// All games of tests/data/csc.h5, and as binary games. K4, K5.
SCALAR_TEST(ClosedLoopTest, ReferenceGames) {
  using T = TypeParam;
  bool const wide = std::is_same_v<T, double>;
  auto const file = krate::io::File::open(krate::testing::reference_file("csc.h5"));
  for (auto const* name : {"page", "small", "wide", "absent_class", "near_equilibrium"}) {
    SCOPED_TRACE(name);
    std::string const path = std::string("/game/") + name;
    if (!wide && std::string(name) == "near_equilibrium") continue;  // the sets differ by less than a float's rounding
    auto const read = [&](char const* part) { return read_array(file, path + part); };
    auto const stored = file.read_all<std::int32_t>(path + "/labels");
    std::vector<int> const labels(stored.begin(), stored.end());
    auto const classes = static_cast<std::size_t>(file.attributes(path).get<std::int64_t>("classes"));
    Array const z = read("/Z"), z_hat = read("/Z_hat");
    double const bound = wide ? 1e-10 : 2e-5;
    auto const multi = run_closed_loop<T>(z, z_hat, labels, {0.5, classes});
    double pair = 0;
    for (double const p : read("/pair").data) pair += p;
    EXPECT_NEAR(multi.values[0], read_number(file, path + "/delta_R_Z"), bound);
    EXPECT_NEAR(multi.values[1], read_number(file, path + "/delta_R_Z_hat"), bound);
    EXPECT_NEAR(multi.values[2], pair, (wide ? 1e-7 : 1e-4) * pair);
    EXPECT_NEAR(multi.total(), read_number(file, path + "/T_multi"), bound);
    EXPECT_LE(worst_error(multi.dz, read("/dT_multi_dZ")), bound);
    EXPECT_LE(worst_error(multi.dz_hat, read("/dT_multi_dZ_hat")), bound);
    auto const binary = run_closed_loop<T>(z, z_hat, std::vector<int>(labels.size(), 0), {0.5, 1});
    EXPECT_EQ(binary.values[0], 0);
    EXPECT_EQ(binary.values[1], 0);
    EXPECT_NEAR(binary.total(), read_number(file, path + "/T_binary"), bound);
    EXPECT_LE(worst_error(binary.dz, read("/dT_binary_dZ")), wide ? 1e-9 : 1e-4);
    EXPECT_LE(worst_error(binary.dz_hat, read("/dT_binary_dZ_hat")), wide ? 1e-9 : 1e-4);
  }
}

SCALAR_TEST(ClosedLoopTest, NumbersOfThePage) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto const made = [](double s) {
      Array a({12, 4});
      for (int i = 0; i < 12; ++i)
        for (int j = 0; j < 4; ++j) a(i, j) = std::sin(0.7 * i + 0.65 * j * j + 0.9 * i * j + s);
      return unit(a);
    };
    auto const found = run_closed_loop<double>(made(0.2), made(0.9), cyclic(12, 3), {0.5, 3});
    EXPECT_NEAR(found.values[0], 0.306945574932074, 1e-13);
    EXPECT_NEAR(found.values[1], 0.286701456101724, 1e-13);
    EXPECT_NEAR(found.values[2], 0.498977082994185, 1e-13);
    EXPECT_NEAR(run_closed_loop<double>(made(0.2), made(0.9), std::vector<int>(12, 0), {0.5, 1}).total(),
                0.0149323992817409, 1e-14);
  }
}

SCALAR_TEST(ClosedLoopTest, GradientsAndInvariances) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const z = unit(filled(1, {23, 6})), z_hat = unit(filled(2, {23, 6}));
    auto const labels = cyclic(23, 3);
    krate::ClosedLoopOptions const options{0.5, 4};  // the fourth class is empty
    auto const found = run_closed_loop<double>(z, z_hat, labels, options);
    auto const value = [&](Array const& a, Array const& b) {
      return run_closed_loop<double>(a, b, labels, options).total();
    };
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return value(v, z_hat); }, z, found.dz), 1e-8);
    EXPECT_LE(krate::testing::gradient_error([&](Array const& v) { return value(z, v); }, z_hat, found.dz_hat), 1e-8);
    auto const again = run_closed_loop<double>(z, z_hat, labels, options);
    EXPECT_TRUE(found.values == again.values && same_bits(found.dz, again.dz) && same_bits(found.dz_hat, again.dz_hat));

    Array negative = z_hat, turned = z, turned_hat = z_hat;
    for (double& v : negative.data) v = -v;
    auto const turn = [](Array& a) {  // in the plane of columns 1 and 4
      for (std::size_t i = 0; i < a.extent(0); ++i) {
        double const x = a(i, 1), y = a(i, 4);
        a(i, 1) = 0.6 * x - 0.8 * y;
        a(i, 4) = 0.8 * x + 0.6 * y;
      }
    };
    turn(turned), turn(turned_hat);
    EXPECT_NEAR(value(z, negative), found.total(), 1e-12);
    EXPECT_NEAR(value(turned, turned_hat), found.total(), 1e-12);

    auto const equal = run_closed_loop<double>(z, z, labels, options);
    EXPECT_EQ(equal.values[2], 0);
    EXPECT_TRUE(same_bits(equal.dz, equal.dz_hat));
    auto const binary = run_closed_loop<double>(z, z, std::vector<int>(23, 0), {0.5, 1});
    EXPECT_EQ(binary.total(), 0);
    for (double const g : binary.dz.data) EXPECT_EQ(g, 0);
  }
}

// A step of relative size h moves the distance by h^2, to many digits.
SCALAR_TEST(ClosedLoopTest, DistancesOfNearlyEqualSetsKeepTheirDigits) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    Array const z = unit(filled(3, {40, 5})), step = filled(4, {40, 5});
    auto const distance = [&](double h) {
      Array other = z;
      for (std::size_t i = 0; i < z.size(); ++i) other.data[i] += h * step.data[i];
      return run_closed_loop<double>(z, other, std::vector<int>(40, 0), {0.5, 1}).total() / (h * h);
    };
    EXPECT_NEAR(distance(1e-5), distance(1e-4), 1e-3 * distance(1e-4));
    EXPECT_NEAR(distance(1e-7), distance(1e-6), 1e-5 * distance(1e-6));
  }
}

SCALAR_TEST(ClosedLoopTest, EdgesErrorsConduct) {
  using T = TypeParam;
  auto const none = run_closed_loop<T>(Array({0, 3}), Array({0, 3}), {}, {0.5, 2});
  EXPECT_EQ(none.total(), 0);
  auto const one = run_closed_loop<T>(Array({1, 1}, {1}), Array({1, 1}, {0.5}), {0}, {0.5, 2});
  EXPECT_GT(one.values[2], 0);
  EXPECT_TRUE(std::isnan(run_closed_loop<T>(filled(1, {3, 2}), filled(2, {3, 2}), {0, 1, 2}, {0.5, 2}).total()));
  TestSpace const space;
  auto const z = view<T, 2>(filled(1, {7, 3})), out = view<T, 2>(Array({7, 3})), wide = view<T, 2>(Array({7, 4}));
  auto const labels = label_view(cyclic(7, 2));
  auto const values = view<double, 1>(Array({3}));
  krate::Arena<TestSpace> arena(space, krate::closed_loop_workspace<TestSpace>(7, 3, 2));
  auto const run = [&](auto const& hat, krate::ClosedLoopOptions const& o) {
    krate::closed_loop_rate(space, krate::comm::Communicator(), z, hat, labels, o, arena.workspace(), values, out, out);
  };
  EXPECT_ERROR(krate::ShapeError, "krate::closed_loop_rate: z_hat", run(wide, {0.5, 2}));
  EXPECT_ERROR(krate::ValueError, "classes = 0, but it must be positive", run(z, {0.5, 0}));
  EXPECT_ERROR(krate::ValueError, "eps_squared = 0", run(z, {0, 2}));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed", run(z, {0.5, 5}));
  expect_good_conduct(space, [&] { run(z, {0.5, 2}); });
}

}  // namespace
