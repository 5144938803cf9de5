// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Points that are not critical: tests/data/landscape.h5 and numbers of an independent program.
#pragma once

#include "rate/reference.hpp"
#include "rate/regularised_runs.hpp"
#include "support/reference_file.hpp"

namespace {

template <class T>
struct RegularisedReferenceTest : ::testing::Test {};
SCALAR_TESTS(RegularisedReferenceTest, krate::testing::OnlyDouble);

// d = 4, class sizes 5, 3, 6.
SCALAR_TEST(RegularisedReferenceTest, KnownNumbers) {
  auto const fill = [](double shift) {
    Array a({14, 4});
    for (int j = 0; j < 14; ++j)
      for (int i = 0; i < 4; ++i) a(j, i) = std::sin(0.7 * i + 0.65 * j * j + 0.9 * i * j + shift);
    return a;
  };
  Array const z = fill(0.3), direction = fill(1.1);
  auto const labels = consecutive_labels({5, 3, 6});
  krate::RegularisedRateOptions const options{.eps_squared = 0.5, .lambda = 0.1, .classes = 3};
  auto const found = run_regularised<double>(z, labels, options);
  EXPECT_NEAR(found.rate, -0.939203711162463, 1e-13);
  EXPECT_NEAR(std::sqrt(krate::testing::dot(found.gradient, found.gradient)), 0.518006478340745, 1e-13);
  Array const product = run_regularised_hessian<double>(z, labels, options, direction.reshaped({1, 56}));
  EXPECT_NEAR(krate::testing::dot(product, direction), -2.73509846528339, 1e-12);
  EXPECT_NEAR(product(0, 7 * 4 + 2), -0.129931857415075, 1e-13);
  Array const spectrum = hessian_spectrum(z, labels, options);
  EXPECT_NEAR(spectrum(0), -0.372354072734867, 1e-13);
  EXPECT_NEAR(spectrum(55), 0.125281630895806, 1e-13);
}

SCALAR_TEST(RegularisedReferenceTest, GenericPoints) {
  auto const file = krate::io::File::open(krate::testing::reference_file("landscape.h5"));
  auto const stored = [&](std::string const& path) {
    Array a;
    a.data = file.read_all<double>(path, &a.shape);
    return a;
  };
  int cases = 0;
  for (auto const& name : file.list("/generic")) {
    std::string const path = "/generic/" + name;
    SCOPED_TRACE(path);
    auto const about = file.attributes(path);
    Array const z = stored(path + "/Z"), direction = stored(path + "/D");
    auto const integers = file.template read_all<std::int32_t>(path + "/labels");
    std::vector<int> const labels(integers.begin(), integers.end());
    krate::RegularisedRateOptions const options{
        .eps_squared = about.template get<double>("eps2"),
        .lambda = about.template get<double>("lam"),
        .classes = static_cast<std::size_t>(*std::max_element(labels.begin(), labels.end())) + 1};
    auto const found = run_regularised<double>(z, labels, options);
    EXPECT_NEAR(found.rate, stored(path + "/F").data[0], 1e-10);
    EXPECT_LE(worst_error(found.gradient, stored(path + "/grad")), 1e-10);
    Array const product = run_regularised_hessian<double>(z, labels, options, direction.reshaped({1, z.size()}));
    EXPECT_LE(worst_error(product, stored(path + "/hvp").reshaped({1, z.size()})), 1e-10);
    EXPECT_NEAR(krate::testing::dot(product, direction), stored(path + "/DHD").data[0], 1e-10);
    EXPECT_LE(worst_error(hessian_spectrum(z, labels, options), stored(path + "/hessian_eigenvalues")), 1e-10);
    ++cases;
  }
  EXPECT_EQ(cases, 2);
}

// Group weighted of tests/data/rate.h5; its loss is minimised.
SCALAR_TEST(RegularisedReferenceTest, Weights) {
  auto const file = rate_file();
  int cases = 0;
  for (auto const& name : file.list("/weighted")) {
    std::string const path = "/weighted/" + name;
    SCOPED_TRACE(path);
    auto const about = file.attributes(path);
    Array const z = read_array(file, path + "/Z");
    auto const integers = file.template read_all<std::int32_t>(path + "/labels");
    std::vector<int> const labels(integers.begin(), integers.end());
    krate::RegularisedRateOptions const options{
        .eps_squared = about.template get<double>("eps2"),
        .classes = static_cast<std::size_t>(about.template get<std::int64_t>("classes")),
        .gamma_1 = about.template get<double>("gamma1"),
        .gamma_2 = about.template get<double>("gamma2")};
    auto const found = run_regularised<double>(z, labels, options);
    EXPECT_NEAR(found.rate, -read_number(file, path + "/loss"), 1e-12);
    Array const gradient = read_array(file, path + "/grad");
    EXPECT_LE(worst_error(found.gradient, combined(-1, gradient, 0, gradient)), 1e-11);
    Array const direction = filled(5, {1, z.size()});
    Array const product = run_regularised_hessian<double>(z, labels, options, direction);
    auto const slope = [&](Array const& x) {
      return krate::testing::dot(run_regularised<double>(x, labels, options).gradient, direction.reshaped(z.shape));
    };
    EXPECT_LE(krate::testing::gradient_error(slope, z, product.reshaped(z.shape)), 1e-8);
    ++cases;
  }
  EXPECT_GE(cases, 2);
}

}  // namespace
